import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Registry } from 'prom-client'
import type { Served } from '../../../src/edge/serve.ts'
import { closeServer, createStatusServer, listen } from '../../../src/edge/servers.ts'
import type { Problem } from '../../../src/model/problems.ts'

const TROUBLE: Problem = { code: 'ProxyUnreachable', kind: 'transient', message: 'it is away', remedy: 'Start it' }
const SERVED: Served = {
  refused: new Map(),
  notices: new Map(),
  origins: new Map(),
  sockets: [],
  how: 'reload',
  trouble: undefined,
}

const CASES: readonly (readonly [string, Served | undefined, Problem | undefined, number, RegExp])[] = [
  ['nobody knows yet what is served', undefined, undefined, 503, /"ready":false.*the edge is starting/],
  ['the program serves what the tables say', SERVED, undefined, 200, /^{"ready":true}$/],
  ['the program is away', SERVED, TROUBLE, 503, /"ready":false.*it is away/],
  ['the program was away from the start', undefined, TROUBLE, 503, /it is away/],
]

for (const [what, served, trouble, status, says] of CASES) {
  test(`readyz: ${what}`, async () => {
    const server = createStatusServer(new Registry(), { served, trouble })
    const port = await listen(server, { host: '127.0.0.1', port: 0 }, 'status')
    try {
      const answer = await fetch(`http://127.0.0.1:${port}/readyz`)
      assert.equal(answer.status, status)
      assert.match(await answer.text(), says)
    } finally {
      await closeServer(server)
    }
  })
}
