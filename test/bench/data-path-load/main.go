// The clients and the servers of the benchmark data-path. They do as little as they can, so that the proxy between them is what the figures are about:
// servers send a file that is in memory, and clients have the kernel throw away what they receive.
//
//	serve ADDRESS:PORT   sends as long as somebody listens
//	answer ADDRESS:PORT  sends one byte, and closes
//	clients              works through lines of its input, and answers each with a line: how much was done, in how many nanoseconds, and how many nanoseconds of
//	                     processor time the processes spent on it
//	  transfers ADDRESS:PORT N BYTES PID...    N connections receive so much, or somewhat more
//	  connections ADDRESS:PORT N COUNT PID...  N lanes make so many, each until the server closes it
package main

import (
	"bufio"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"
)

func main() {
	switch {
	case len(os.Args) == 3 && os.Args[1] == "serve":
		listen(os.Args[2], stream)
	case len(os.Args) == 3 && os.Args[1] == "answer":
		listen(os.Args[2], answer)
	case len(os.Args) == 2 && os.Args[1] == "clients":
		for lines := bufio.NewScanner(os.Stdin); lines.Scan(); {
			fmt.Println(work(strings.Fields(lines.Text())))
		}
	default:
		fail(fmt.Errorf("usage: data-path-load serve|answer ADDRESS:PORT, or data-path-load clients"))
	}
}

// What was done, and what it took.
type sample struct {
	amount  int64
	elapsed time.Duration
	spent   time.Duration
}

func (one sample) String() string {
	return fmt.Sprintf("%d %d %d", one.amount, one.elapsed, one.spent)
}

func work(words []string) sample {
	if len(words) < 4 {
		fail(fmt.Errorf("not enough words: %v", words))
	}
	numbers := make([]int, 0, len(words))
	for _, word := range words[2:] {
		number, err := strconv.Atoi(word)
		if err != nil {
			fail(err)
		}
		numbers = append(numbers, number)
	}
	address, clients, amount, pids := words[1], numbers[0], int64(numbers[1]), numbers[2:]
	switch words[0] {
	case "transfers":
		return transfers(address, clients, amount, pids)
	case "connections":
		return connections(address, clients, amount, pids)
	default:
		fail(fmt.Errorf("unknown: %s", words[0]))
		return sample{}
	}
}

func fail(err error) {
	fmt.Fprintln(os.Stderr, err)
	os.Exit(1)
}
