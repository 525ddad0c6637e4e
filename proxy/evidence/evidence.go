// Package evidence keeps the record of each flow: who sent what kind of data to which jurisdiction,
// what was decided, by which rule of which policy, and how it ended. Never the data itself.
//
// Two ideas make it work. First, a record is one JSON line that is encoded by the goroutine of its
// flow and written by exactly one writer, many lines at a time; the writer's order is the order of
// the sequence numbers, which have no gaps and go on over restarts. Second, a record that was
// accepted is held in memory until the operating system has it: a full disk delays records and
// makes Ready say so, it does not lose them.
//
// Records stand in segments, <dir>/flows-<UTC start time>-<first sequence number>.jsonl, each
// readable with jq. What a crash left unfinished at the end of a segment is cut back to the last
// whole line by the next Open, and that is recorded too, as a record of kind "recovery".
//
// What is kept when:
//
//   - AppendAndWait returned nil: the operating system has the record; no crash of this process
//     loses it. With Options.Sync it is on stable storage.
//   - Append returned nil: the writer has the record, and hands it on within Options.FlushEvery
//     while the disk works. A kill -9 loses at most the records of that time.
//   - A power cut loses at most what was written in the last second, and while a sync lasts.
//
// It leaves building a record to the data plane, refusing flows while Ready is an error to the data
// plane as well, and showing Stats to proxy/admin.
//
//	records, err := evidence.Open(dir, evidence.Options{Log: log})
//	go records.Run(ctx)                      // the caller waits for its end
//	record.SetFlow(flow)                     // then verdict, outcome, bytes ...
//	err = records.Append(ctx, record)        // or AppendAndWait before a client reads "blocked"
//	err = records.Close(ctx)                 // last, after every flow has ended
package evidence
