// Package evidence keeps the record of each flow: who sent what kind of data to which jurisdiction,
// what was decided, by which rule of which policy, and how it ended. Never the data itself.
//
// Three ideas make it work. First, a record is one JSON line that is encoded by the goroutine of its
// flow and written by exactly one writer, many lines at a time; the writer's order is the order of
// the sequence numbers, which have no gaps and go on over restarts. Second, an accepted line stands
// in memory that outlives the process (package queue), so that neither a kill nor a full disk loses
// it. Third, the lines are the leaves of a Merkle tree in the public formats of transparency logs
// (packages merkle and checkpoint): one signature each second commits to all of them, and one
// record can be proved without the others.
//
// A log is a directory:
//
//	flows-<UTC start time>-<first number>.jsonl  a segment: lines, readable with jq (SCHEMA.md)
//	flows-….idx, flows-….ids                     where its records stand; can be made again
//	tile/<level>/<index>[.p/<width>]             the tree, as https://c2sp.org/tlog-tiles has it
//	checkpoint                                   the newest, as https://c2sp.org/tlog-checkpoint has it
//	checkpoint.until-<UTC time>                  one that the log could not go on from
//	cosigned/<size>                              checkpoints with the signatures of witnesses
//	keys/<period>.key                            what identifiers are hashed with (package pseudonym)
//	queue, lock                                  what the process that writes holds
//
// and, beside it, <directory>-key, which signs, with the public key in <directory>-key.pub. Entry
// bundles (tile/entries) are left out: lines can be longer than their format allows, and stand in
// the segments. Of partial tiles those of the last two checkpoints are kept.
//
// What a power cut may take, Options.Durability says. What a crash left unfinished at the end of a
// segment is cut back to the last whole line by the next Open, and that is recorded too, as a record
// of kind "recovery". While the disk is full, read-only, broken or slow, records wait in memory and
// Ready says why; the data plane refuses flows then, or not (Options.OnFailure). A clock that goes
// backwards changes times in records and names, and no order: that is the numbers'.
//
// Verify says whether a log is whole, and if not, which record of which line it is and what was
// done to it. It cannot tell a log that was set back or written anew by somebody with the key; a
// checkpoint that was kept apart (Options.CheckpointCopy), or cosigned by a witness, can.
//
// It leaves building a record to the data plane, refusing flows while Ready is an error to the data
// plane as well, and showing Stats to proxy/admin.
//
//	records, err := evidence.Open(dir, evidence.Options{Log: log})
//	go records.Run(ctx)                      // the caller waits for its end
//	record.SetFlow(flow)                     // then verdict, outcome, bytes ...
//	err = records.Append(ctx, record)
//	err = records.Close(ctx)                 // last, after every flow has ended
//
//	report, err := evidence.Verify(ctx, dir, evidence.VerifyOptions{Kept: []string{"/mnt/other/checkpoint"}})
//	archive, err := evidence.OpenArchive(dir)
//	proof, err := archive.ProveFlow(id)      // proof.Marshal() verifies offline
package evidence
