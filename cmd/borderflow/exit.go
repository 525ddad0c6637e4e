package main

// exitError ends a command with an exit code. err may be nil when everything has been said.
type exitError struct {
	code int
	err  error
}

func (e *exitError) Error() string {
	if e.err == nil {
		return "exit"
	}
	return e.err.Error()
}

func (e *exitError) Unwrap() error { return e.err }

// failed is running that did not succeed, or an answer that is "no".
func failed(err error) error { return &exitError{code: 1, err: err} }

// badInput is usage, a file or an argument that cannot be worked with.
func badInput(err error) error { return &exitError{code: 2, err: err} }
