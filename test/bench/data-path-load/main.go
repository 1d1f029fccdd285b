// The clients and the servers of the benchmark data-path. They do as little as they can, so that the proxy between them is what the figures are about:
// servers send a file that is in memory, and clients have the kernel throw away what they receive.
//
//	serve ADDRESS:PORT             sends as long as somebody listens
//	answer ADDRESS:PORT            sends one byte, and closes
//	transfers ADDRESS:PORT N MS    prints the bytes a second that N connections receive
//	connections ADDRESS:PORT N MS  prints the connections a second that N lanes make, each until the server closes it
package main

import (
	"fmt"
	"io"
	"net"
	"os"
	"strconv"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

const (
	// Of the file that is sent over and over.
	fileBytes = 16 << 20
	// Taken from the kernel at a time, and not copied.
	takenAtOnce = 4 << 20
	// Long transfers begin slowly.
	warmUp = 150 * time.Millisecond
)

func main() {
	if len(os.Args) < 3 {
		fail(fmt.Errorf("usage: data-path-load serve|answer|transfers|connections ADDRESS:PORT [N MS]"))
	}
	switch what, address := os.Args[1], os.Args[2]; what {
	case "serve":
		listen(address, stream)
	case "answer":
		listen(address, answer)
	case "transfers":
		count, span := amounts()
		fmt.Println(transfers(address, count, span))
	case "connections":
		count, span := amounts()
		fmt.Println(connections(address, count, span))
	default:
		fail(fmt.Errorf("unknown: %s", what))
	}
}

func amounts() (int, time.Duration) {
	if len(os.Args) < 5 {
		fail(fmt.Errorf("how many, and for how many milliseconds?"))
	}
	count, err := strconv.Atoi(os.Args[3])
	if err != nil {
		fail(err)
	}
	ms, err := strconv.Atoi(os.Args[4])
	if err != nil {
		fail(err)
	}
	return count, time.Duration(ms) * time.Millisecond
}

func listen(address string, serve func(*net.TCPConn)) {
	listener, err := net.Listen("tcp", address)
	if err != nil {
		fail(err)
	}
	fmt.Println("ready")
	for {
		connection, err := listener.Accept()
		if err != nil {
			fail(err)
		}
		go serve(connection.(*net.TCPConn))
	}
}

// Sends from the page cache, without a copy of its own.
func stream(connection *net.TCPConn) {
	defer connection.Close()
	file, err := os.Open(sharedFile())
	if err != nil {
		fail(err)
	}
	defer file.Close()
	for {
		if _, err := file.Seek(0, io.SeekStart); err != nil {
			fail(err)
		}
		if _, err := connection.ReadFrom(file); err != nil {
			return
		}
	}
}

var sharedFile = sync.OnceValue(func() string {
	file, err := os.CreateTemp("/dev/shm", "data-path-load-")
	if err != nil {
		fail(err)
	}
	if _, err := file.Write(make([]byte, fileBytes)); err != nil {
		fail(err)
	}
	// Nothing is left on the machine, whatever ends this process.
	if err := os.Remove(file.Name()); err != nil {
		fail(err)
	}
	return fmt.Sprintf("/proc/self/fd/%d", file.Fd())
})

func answer(connection *net.TCPConn) {
	defer connection.Close()
	connection.Write([]byte{1})
}

func transfers(address string, count int, span time.Duration) float64 {
	var total atomic.Int64
	for range count {
		go receive(address, &total)
	}
	time.Sleep(warmUp)
	before, start := total.Load(), time.Now()
	time.Sleep(span)
	received := total.Load() - before
	if received == 0 {
		fail(fmt.Errorf("nothing was received from %s", address))
	}
	return float64(received) / time.Since(start).Seconds()
}

func receive(address string, total *atomic.Int64) {
	connection, err := net.Dial("tcp", address)
	if err != nil {
		fail(err)
	}
	raw, err := connection.(*net.TCPConn).SyscallConn()
	if err != nil {
		fail(err)
	}
	buffer := make([]byte, takenAtOnce)
	for {
		err := raw.Read(func(fd uintptr) bool {
			// tcp(7): with MSG_TRUNC received bytes are discarded, not copied.
			length, _, err := syscall.Recvfrom(int(fd), buffer, syscall.MSG_TRUNC|syscall.MSG_DONTWAIT)
			if err == syscall.EAGAIN {
				return false
			}
			if err != nil || length == 0 {
				fail(fmt.Errorf("a transfer has ended: %v", err))
			}
			total.Add(int64(length))
			return true
		})
		if err != nil {
			fail(err)
		}
	}
}

func connections(address string, count int, span time.Duration) float64 {
	var total atomic.Int64
	for range count {
		go connect(address, &total)
	}
	time.Sleep(warmUp)
	before, start := total.Load(), time.Now()
	time.Sleep(span)
	made := total.Load() - before
	if made == 0 {
		fail(fmt.Errorf("no connection was answered by %s", address))
	}
	return float64(made) / time.Since(start).Seconds()
}

func connect(address string, total *atomic.Int64) {
	buffer := make([]byte, 16)
	for {
		connection, err := net.Dial("tcp", address)
		if err != nil {
			fail(err)
		}
		length := 0
		for {
			more, err := connection.Read(buffer)
			length += more
			if err != nil {
				break
			}
		}
		if length != 1 {
			fail(fmt.Errorf("%d bytes instead of one", length))
		}
		connection.Close()
		total.Add(1)
	}
}

func fail(err error) {
	fmt.Fprintln(os.Stderr, err)
	os.Exit(1)
}
