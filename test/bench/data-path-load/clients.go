package main

import (
	"fmt"
	"net"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

const (
	// Taken from the kernel at a time, and not copied.
	takenAtOnce = 4 << 20
	// Long transfers begin slowly: so much is received before anything is counted.
	warmUp = 48 << 20
	// A proxy is through with what has ended once it spends no processor time for so long.
	rest = 3 * time.Millisecond
	// So much of a rest is what the program does by itself.
	restless = 100 * time.Microsecond
)

func transfers(address string, count int, amount int64, pids []int) sample {
	var total atomic.Int64
	var ended atomic.Bool
	var receivers sync.WaitGroup
	for range count {
		receivers.Go(func() { receive(address, &total, &ended) })
	}
	until := func(bytes int64) int64 {
		for total.Load() < bytes {
			time.Sleep(time.Millisecond)
		}
		return total.Load()
	}
	before := until(warmUp)
	spent, start := processorTime(pids), time.Now()
	received := until(before+amount) - before
	one := sample{received, time.Since(start), processorTime(pids) - spent}
	ended.Store(true)
	receivers.Wait()
	untilRest(pids)
	return one
}

func receive(address string, total *atomic.Int64, ended *atomic.Bool) {
	connection, err := net.Dial("tcp", address)
	if err != nil {
		fail(err)
	}
	defer connection.Close()
	raw, err := connection.(*net.TCPConn).SyscallConn()
	if err != nil {
		fail(err)
	}
	buffer := make([]byte, takenAtOnce)
	for !ended.Load() {
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

// A fixed number: nothing is under way when the clocks are read, neither before nor after.
func connections(address string, count int, amount int64, pids []int) sample {
	var left atomic.Int64
	left.Store(amount)
	spent, start := processorTime(pids), time.Now()
	var lanes sync.WaitGroup
	for range count {
		lanes.Go(func() {
			buffer := make([]byte, 16)
			for left.Add(-1) >= 0 {
				connect(address, buffer)
			}
		})
	}
	lanes.Wait()
	elapsed := time.Since(start)
	untilRest(pids)
	return sample{amount, elapsed, processorTime(pids) - spent}
}

func connect(address string, buffer []byte) {
	connection, err := net.Dial("tcp", address)
	if err != nil {
		fail(err)
	}
	defer connection.Close()
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
}

func untilRest(pids []int) {
	for before := processorTime(pids); ; {
		time.Sleep(rest)
		now := processorTime(pids)
		if now-before < restless {
			return
		}
		before = now
	}
}
