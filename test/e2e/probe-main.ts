/**
 * Runs in the client's namespace: asks each URL over and over, on a new connection each time, and writes a line an answer:
 * the time in milliseconds, the URL, and `ok` or what went wrong.
 *
 * usage: probe-main.ts URL...
 */
import { get } from 'node:http'
import { text } from 'node:stream/consumers'
import { setTimeout as delay } from 'node:timers/promises'

const INTERVAL_MS = 100
const TIMEOUT_MS = 5_000

async function ask(url: string): Promise<string> {
  return new Promise((resolve) => {
    const request = get(url, { agent: false, timeout: TIMEOUT_MS }, (response) => {
      text(response).then(
        (body) => resolve(response.statusCode === 200 && body !== '' ? 'ok' : `status ${response.statusCode}`),
        (error: Error) => resolve(error.message),
      )
    })
    request.on('timeout', () => request.destroy(new Error(`no answer within ${TIMEOUT_MS} ms`)))
    request.on('error', (error) => resolve(error.message))
  })
}

async function probe(url: string): Promise<void> {
  for (;;) {
    const outcome = await ask(url)
    process.stdout.write(`${Date.now()} ${url} ${outcome}\n`)
    await delay(INTERVAL_MS)
  }
}

await Promise.all(process.argv.slice(2).map(probe))
