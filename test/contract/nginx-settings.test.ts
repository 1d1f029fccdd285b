/** What nginx alone does with what frontends ask for. */
import assert from 'node:assert/strict'
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import * as fc from 'fast-check'
import { acceptFrontends } from '../../src/edge/engines/common/accept.ts'
import { nginxProgram } from '../../src/edge/engines/nginx/capabilities.ts'
import { dumpFiles } from '../../src/edge/engines/nginx/program.ts'
import { renderConfig } from '../../src/edge/engines/nginx/render.ts'
import type { Frontend } from '../../src/model/table.ts'
import { makeNginx, NGINX } from '../edge-lab/nginx.ts'
import { anyNginxState, tellApart } from '../unit/edge/nginx-states.ts'
import { startUdpBackend } from './backends.ts'
import { askUdp } from './clients.ts'
import { whoIs } from './engine-suite-settings.ts'
import { bind, idOf, stateOf } from './engine-suite-world.ts'
import { nginxTest } from './nginx-harness.ts'
import { askTls, openTls, withTlsTargets } from './tls.ts'

nginxTest('hosts on one socket with settings of their own, and PROXY headers or none', async (world) => {
  await withTlsTargets({ groups: {} }, async ({ targetPort, groups }) => {
    const { engine, signal, clients } = world
    const a = await world.frontend({
      targetPort,
      group: 'a',
      hosts: ['a.example'],
      proxyProtocol: 'v1',
      maxConnections: 1,
    })
    const b = { ...a, group: 'b', hosts: ['b.example'], proxyProtocol: 'off' as const, idleTimeoutMs: 1_000 }
    const c = { ...a, group: 'c', hosts: ['other.example'], balance: 'source' as const, maxConnections: undefined }
    const blind = { ...c, hosts: ['www.b.example'], maxConnections: 1 }
    const { refused } = await engine.apply(stateOf(groups, a, b, c, blind), signal)
    assert.deepEqual(
      refused.map(({ id, problem }) => [id, problem.code]),
      [[idOf(blind), 'Unsupported']],
    )
    const [near] = clients
    for (const [host, one] of [
      ['a.example', a],
      ['other.example', c],
    ] as const) {
      const seen = await askTls(one, host, { localAddress: near })
      assert.deepEqual([seen.name, seen.client], [one.group, seen.from])
    }
    assert.equal((await askTls(b, 'b.example')).client, undefined)
    // One connection may be open to a, however many there are to others.
    const open = [await openTls(a, 'a.example'), await openTls(b, 'b.example'), await openTls(c, 'other.example')]
    await assert.rejects(askTls(a, 'a.example'))
    assert.equal((await askTls(c, 'other.example')).name, 'c')
    const closed = once(open[1] ?? assert.fail(), 'close', { signal: AbortSignal.timeout(5_000) })
    open[1]?.resume()
    await closed
    for (const socket of open) socket.destroy()
  })
})

nginxTest('a server behind another one tells clients apart', async (world) => {
  await withTlsTargets({ groups: {} }, async ({ targetPort, groups }) => {
    const { engine, signal } = world
    const all = ['a', 'b', 'c'].flatMap((name) => groups[name] ?? [])
    const wishes = { targetPort, group: 'all', hosts: ['a.example'], balance: 'source' as const, maxConnections: 100 }
    const one = await world.frontend(wishes)
    await engine.apply(stateOf({ all }, one), signal)
    const net = one.address.split('.').slice(0, 3).join('.')
    const askAll = () =>
      Promise.all(
        Array.from({ length: 12 }, async (_, index) => {
          return (await askTls(one, 'a.example', { localAddress: `${net}.${150 + index}` })).name
        }),
      )
    const first = await askAll()
    assert.ok(new Set(first).size > 1, first.join())
    assert.deepEqual(await askAll(), first)
  })
})

nginxTest('UDP and TCP on one port number', async (world, harness) => {
  const { engine, signal, groups, targets, targetPort, clients } = world
  const backends = await Promise.all(
    (['a', 'b', 'c'] as const).map((name) => startUdpBackend(name, { ...targets[name], port: targetPort })),
  )
  try {
    const web = await world.frontend({ group: 'a' })
    const udp = { ...web, protocol: 'UDP' as const, group: 'ab' }
    const strict = {
      ...(await world.frontend({ group: 'c' })),
      protocol: 'UDP' as const,
      sourceRanges: [`${clients[0]}/32`],
    }
    const nobody = { ...(await world.frontend({ group: 'none' })), protocol: 'UDP' as const }
    const state = (leaving: boolean) => {
      const ab = leaving ? [{ ...targets.a, draining: 'leaving' as const }, targets.b] : groups['ab']
      const frontends = [udp, strict, nobody].map((one) => ({ ...bind(one), id: idOf(one).replace('tcp', 'udp') }))
      const whole = stateOf({ ...groups, ab: ab ?? [] }, web, udp, strict, nobody)
      return { ...whole, frontends: [bind(web), ...frontends] }
    }
    assert.deepEqual(await engine.apply(state(false), signal), { refused: [], how: 'reload' })
    assert.equal(await whoIs(web), 'a')
    const names = await Promise.all(Array.from({ length: 8 }, () => askUdp(udp)))
    assert.deepEqual(new Set(names.map(({ name }) => name)), new Set(['a', 'b']))
    await assert.rejects(askUdpOnce(strict, clients[1]))
    assert.match(await askUdpOnce(strict, clients[0]), /"c"/)
    await assert.rejects(askUdpOnce(nobody, clients[0]))
    assert.equal((await (await harness.engine()).bound(signal)).length, 4)
    // All datagrams of a client go to one target while nothing changes.
    const flow = createSocket('udp4')
    flow.bind(0, clients[0])
    await once(flow, 'listening')
    const answers = new Set<string>()
    for (let count = 0; count < 20; count++) answers.add(await askOver(flow, udp))
    assert.equal(answers.size, 1)
    // A target that leaves gets no more of them, with those that it has.
    assert.deepEqual(await engine.apply(state(true), signal), { refused: [], how: 'reload' })
    for (let count = 0; count < 6; count++) assert.match(await askOver(flow, udp), /"b"/)
    flow.close()
  } finally {
    for (const backend of backends) await backend.close()
  }
})

async function askUdpOnce(to: Frontend, from: string): Promise<string> {
  const socket = createSocket('udp4')
  try {
    socket.bind(0, from)
    await once(socket, 'listening')
    return await askOver(socket, to)
  } finally {
    socket.close()
  }
}

async function askOver(socket: ReturnType<typeof createSocket>, { address, port }: Frontend): Promise<string> {
  const answer = once(socket, 'message', { signal: AbortSignal.timeout(500) })
  socket.send('who is there', port, address)
  const [message] = await answer
  return String(message)
}

test('nginx takes every file that is rendered, whatever the tables said', async () => {
  const unit = await makeNginx()
  try {
    await unit.prepare()
    await unit.start()
    const signal = AbortSignal.timeout(120_000)
    // Addresses of documentation are on no machine: nginx would not bind them.
    const here = (text: string) =>
      text
        .replaceAll('203.0.113.10:', '127.203.113.10:')
        .replaceAll('[2001:db8::10]:', '127.201.0.10:')
        .replaceAll('10.1.0.100:', '127.10.1.100:')
        .replaceAll('/run/fairway-nginx', unit.socketDir)
    const golden = join(import.meta.dirname, '../golden/nginx')
    const names = (await readdir(golden)).filter((name) => name !== 'ingress.conf' || NGINX !== '/usr/sbin/nginx')
    const texts = await Promise.all(names.map((name) => readFile(join(golden, name), 'utf8')))
    assert.ok(texts.length > 3)
    const program = nginxProgram('1.22.1')
    for (const state of fc.sample(anyNginxState, { numRuns: 100, seed: 6 })) {
      const { frontends } = tellApart({ ...state, frontends: acceptFrontends(state, program).frontends })
      texts.push(renderConfig({ ...state, frontends }, unit).text)
    }
    for (const text of texts) {
      await writeFile(unit.configFile, here(text))
      const { ok, output } = await dumpFiles(NGINX, unit.mainFile, signal)
      assert.ok(ok, `${output}${text}`)
      assert.doesNotMatch(output, /\[warn\]/)
    }
  } finally {
    await unit.close()
  }
})
