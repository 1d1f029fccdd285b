/** A port that another process of the proxy machine takes at the last moment, after the edge has tried it. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer } from 'node:net'
import { stateOf } from '../contract/engine-suite-world.ts'
import { nginxTest } from '../contract/nginx-harness.ts'

nginxTest('keeps nginx from no other frontend, be it the first that needs sockets of its own', async (world) => {
  const { engine, groups, signal } = world
  const taken = await world.frontend({ group: 'b' })
  const thief = createServer((socket) => socket.destroy()).listen({ host: taken.address, port: taken.port })
  await once(thief, 'listening')
  thief.unref()
  // Names on a socket need servers that only nginx itself asks, on unix sockets; so does a limit beside them.
  const named = await world.frontend({ hosts: ['a.example'], maxConnections: 5 })
  const { refused, how } = await engine.apply(stateOf(groups, taken, named), signal)
  assert.deepEqual(
    refused.map(({ problem }) => problem.code),
    ['PortTaken'],
  )
  assert.equal(how, 'reload')
  thief.close()
})
