/**
 * Sends a datagram and prints the answer. Asks again from another port until there is one, as resolvers do; at most so many times.
 *
 * usage: udp-main.ts ADDRESS PORT TEXT TIMES
 */
import { createSocket } from 'node:dgram'

const RETRY_MS = 500

const [address = '', port = '', text = '', times = ''] = process.argv.slice(2)

async function ask(): Promise<string | undefined> {
  const socket = createSocket(address.includes(':') ? 'udp6' : 'udp4')
  try {
    return await new Promise<string | undefined>((resolve, reject) => {
      setTimeout(() => resolve(undefined), RETRY_MS)
      socket.on('message', (answer) => resolve(answer.toString()))
      socket.on('error', reject)
      socket.send(text, Number(port), address)
    })
  } finally {
    socket.close()
  }
}

for (let tries = 1; tries <= Number(times); tries++) {
  const answer = await ask()
  if (answer === undefined) continue
  process.stdout.write(`${answer}\n`)
  process.exit(0)
}
process.stderr.write(`no answer to ${times} datagrams\n`)
process.exit(1)
