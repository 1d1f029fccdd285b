// pause holds a pod's namespaces open until it is told to stop.
package main

import (
	"os"
	"os/signal"
	"syscall"
)

func main() {
	stop := make(chan os.Signal, 1)
	signal.Ignore(syscall.SIGCHLD) // the kernel then reaps orphans, which is the duty of the first process of a PID namespace
	signal.Notify(stop, syscall.SIGINT, syscall.SIGTERM)
	<-stop
}
