package main

import (
	"fmt"
	"io"
	"net"
	"os"
	"sync"
)

// Of the file that is sent over and over.
const fileBytes = 16 << 20

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
