/**
 * Sends a datagram and prints the answer. Asks again from another port until there is one, as resolvers do.
 *
 * usage: udp-main.ts ADDRESS PORT TEXT
 */
import { createSocket } from 'node:dgram'

const RETRY_MS = 500
const MOST_TRIES = 12

const [address = '', port = '', text = ''] = process.argv.slice(2)

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

for (let tries = 1; tries <= MOST_TRIES; tries++) {
  const answer = await ask()
  if (answer === undefined) continue
  process.stdout.write(`${answer}\n`)
  process.exit(0)
}
process.stderr.write(`no answer to ${MOST_TRIES} datagrams\n`)
process.exit(1)
