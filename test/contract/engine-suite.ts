/**
 * What every engine must do, with the real program and real traffic. A program is an EngineKind; the tests know nothing else about it. Called once for
 * each kind, by a file of its own.
 */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { askTcp, isOpen, startLongTransfer, whoServes } from './clients.ts'
import { checkTests } from './engine-suite-checks.ts'
import { failureTests } from './engine-suite-failures.ts'
import { hostTests } from './engine-suite-hosts.ts'
import { settingTests } from './engine-suite-settings.ts'
import { type EngineKind, type EngineTest, idOf, inEngineWorld, stateOf } from './engine-suite-world.ts'
import { NO_IPV6 } from './world.ts'

const plainTests: Readonly<Record<string, EngineTest>> = {
  'from nothing to a state, the same again without a change, and back to nothing': async (world) => {
    const { engine, groups, signal, harness } = world
    assert.deepEqual(await engine.apply(stateOf({}), signal), { refused: [], how: 'nothing' })
    const web = await world.frontend()
    const state = stateOf(groups, web)
    assert.deepEqual(await engine.apply(state, signal), { refused: [], how: 'reload' })
    assert.deepEqual(await whoServes(web), ['a', 'b'])
    const generation = await harness.generation()
    assert.deepEqual(await engine.apply(state, signal), { refused: [], how: 'nothing' })
    assert.deepEqual(await (await harness.engine()).apply(state, signal), { refused: [], how: 'nothing' })
    assert.equal(await harness.generation(), generation)
    assert.deepEqual(await engine.apply(stateOf({}), signal), { refused: [], how: 'reload' })
    assert.equal(await isOpen(web), false)
  },
  'a target that changes is served at once by the processes that run': async (world) => {
    const { kind, engine, groups, signal, harness, targets } = world
    const web = await world.frontend()
    const other = await world.frontend({ group: 'c' })
    await engine.apply(stateOf(groups, web, other), signal)
    const generation = await harness.generation()
    const steps: readonly (readonly ['a' | 'b' | 'c', ...('a' | 'b' | 'c')[]])[] = [
      ['a', 'c'],
      ['c'],
      ['a', 'b', 'c'],
      ['b'],
    ]
    for (const names of steps) {
      const state = stateOf({ ...groups, ab: names.map((name) => targets[name]) }, web, other)
      assert.deepEqual(await engine.apply(state, signal), { refused: [], how: kind.targetsChange })
      assert.deepEqual(await whoServes(web), names)
      assert.deepEqual(await whoServes(other), ['c'])
      assert.deepEqual(await engine.apply(state, signal), { refused: [], how: 'nothing' })
    }
    if (kind.targetsChange === 'runtime') assert.equal(await harness.generation(), generation)
    // What runs is what the file says, too.
    await harness.kill()
    await harness.start()
    assert.deepEqual(await whoServes(web), ['b'])
  },
  'a group that grows beyond what was foreseen': async (world) => {
    const { engine, groups, signal, targets } = world
    const web = await world.frontend()
    await engine.apply(stateOf(groups, web), signal)
    const net = targets.a.address.split('.').slice(0, 2).join('.')
    // Nobody is there but the first one; connections are refused, so others are tried.
    const many = Array.from({ length: 40 }, (_, index) => ({ name: `n${index}`, address: `${net}.251.${index + 1}` }))
    assert.deepEqual((await engine.apply(stateOf({ ...groups, ab: [targets.a, ...many] }, web), signal)).refused, [])
    assert.deepEqual(
      new Set((await engine.health(signal)).map(({ address }) => address)),
      new Set([targets.a, ...many].map(({ address }) => address)),
    )
    await engine.apply(stateOf({ ...groups, ab: [targets.b] }, web), signal)
    assert.deepEqual(await whoServes(web), ['b'])
  },
  'one frontend is removed, and everybody else never notices': async (world) => {
    const { engine, groups, signal, admin } = world
    const [kept, removed] = [await world.frontend(), await world.frontend()]
    await engine.apply(stateOf(groups, kept, removed), signal)
    const transfers = await Promise.all([kept, removed, admin].map((to) => startLongTransfer(to, signal)))
    assert.equal((await engine.apply(stateOf(groups, kept), signal)).how, 'reload')
    assert.equal(await isOpen(removed), false)
    assert.deepEqual(await whoServes(kept), ['a', 'b'])
    assert.equal((await askTcp(admin)).name, 'admin')
    for (const transfer of transfers) assert.ok((await transfer.finish()) > 0)
  },
  'what is bound is told by an edge that has just started': async (world) => {
    const { engine, groups, signal, harness } = world
    assert.deepEqual(await (await harness.engine()).bound(signal), [])
    const bounds = [await world.frontend(), await world.frontend()]
    const sockets = bounds.map(({ protocol, address, port }) => ({ protocol, address, port }))
    for (const some of [2, 1]) {
      await engine.apply(stateOf(groups, ...bounds.slice(0, some)), signal)
      const told = await (await harness.engine()).bound(signal)
      assert.deepEqual(new Set(told), new Set(sockets.slice(0, some)))
      assert.equal(told.length, some)
    }
    await harness.kill()
    assert.deepEqual(await (await harness.engine()).bound(signal), [])
  },
  "the administrator's own part is told of, and stays": async (world) => {
    const { engine, groups, signal, admin } = world
    const [own, ...rest] = (await engine.listeners(signal)).map(({ holder, ...socket }) => ({ ...socket, holder }))
    assert.deepEqual(rest, [])
    assert.ok(own !== undefined && own.address === admin.address && own.firstPort === admin.port)
    assert.match(own.holder, /admin/)
    await engine.apply(stateOf(groups, await world.frontend()), signal)
    assert.equal((await askTcp(admin)).name, 'admin')
    assert.equal((await engine.listeners(signal)).length, 1)
  },
  'a group without targets closes connections at once, and its first target joins': async (world) => {
    const { engine, groups, signal, targets } = world
    const web = await world.frontend({ group: 'none' })
    const { refused } = await engine.apply(stateOf(groups, web), signal)
    assert.deepEqual(refused, [])
    const began = performance.now()
    await assert.rejects(askTcp(web), /closed without an answer|ECONNRE/)
    assert.ok(performance.now() - began < 1_000)
    await engine.apply(stateOf({ ...groups, none: [targets.b] }, web), signal)
    assert.deepEqual(await whoServes(web), ['b'])
    await engine.apply(stateOf(groups, web), signal)
    await assert.rejects(askTcp(web), /closed without an answer|ECONNRE/)
  },
  'what the program cannot do is refused alone': async (world) => {
    const { engine, groups, signal } = world
    const web = await world.frontend()
    const dns = await world.frontend({ protocol: 'UDP' })
    const evil = await world.frontend({ hosts: ['a.example if TRUE\n  bind :1'] })
    const lost = await world.frontend({ group: 'c' })
    const bad = { ...groups, c: [{ name: 'x', address: '10.0.0.1:80 check' }] }
    const { refused } = await engine.apply(stateOf(bad, web, dns, evil, lost), signal)
    const codes = new Map(refused.map(({ id, problem }) => [id, problem.code]))
    const wanted = new Map([
      ...(engine.capabilities.UDP !== undefined ? [] : [[idOf(dns), 'ProtocolUnsupported'] as const]),
      [idOf(evil), 'AddressInvalid'],
      [idOf(lost), 'TargetRefused'],
    ])
    assert.deepEqual(codes, wanted)
    assert.deepEqual(await whoServes(web), ['a', 'b'])
  },
  'a frontend that fails over from a target that refuses connections': async (world) => {
    const { engine, groups, signal } = world
    const web = await world.frontend()
    const nobody = { name: 'gone', address: world.clients[0] }
    await engine.apply(stateOf({ ...groups, ab: [nobody, ...(groups['ab'] ?? [])] }, web), signal)
    const began = performance.now()
    assert.deepEqual(await whoServes(web, 9), ['a', 'b'])
    assert.ok(performance.now() - began < 2_000)
  },
}

/** Runs the whole suite for a kind of program. */
export function engineContract(kind: EngineKind): void {
  const all = { ...plainTests, ...settingTests, ...hostTests, ...checkTests, ...failureTests }
  describe(`engine contract: ${kind.name}`, () => {
    for (const [name, work] of Object.entries(all)) {
      const reason = kind.skips?.[name] ?? (name.includes('IPv6') ? NO_IPV6 : undefined)
      test(name, { skip: reason ?? false }, () => inEngineWorld(kind, work))
    }
  })
}
