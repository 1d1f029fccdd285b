/** A cluster that was rebuilt, at a real API server and a real Caddy that serves what the one before it left: docs/how-to/rebuild-a-cluster.md. */
import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import type { Owner } from '../../src/model/table.ts'
import { pass, tableOf } from '../contract/tables.ts'
import { settle, take } from '../docs/ledger.ts'
import { waitFor } from '../lab/wait.ts'
import { frontend } from '../support/builders.ts'
import { execute, fairway, MAIN, type Ran, read } from './cli-rig.ts'
import { FIRST_ADDRESS, startWorld, type World } from './world.ts'

const OLD: Owner = { cluster: 'resilience', className: 'public', uid: '0d5c9b1e-6b0f-4d0e-9a55-2f6f2f1f6c11' }
const PAGE = 'docs/how-to/rebuild-a-cluster.md > Rebuilding a cluster'
/** In place of kubectl: there is no pod to go into. */
const IN_POD = '#!/bin/sh\n[ "$1 $7" = "exec /app/fairway.js" ] || exit 99\nshift 7\nexec fairway "$@"\n'

describe('a rebuilt cluster', () => {
  const signal = AbortSignal.timeout(300_000)
  let world: World
  let here: readonly string[] = []
  const plan = () => fairway('plan', ...here.slice(2))
  /** Types a script where the program is, as in the operator's pod. */
  const type = (script: string): Promise<Ran> => {
    const env = { KUBECONFIG: world.lab.kubeconfig, FAIRWAY_CONFIG: world.config }
    return execute('bash', ['-c', script], { ...env, PATH: `${world.dir}:${process.env['PATH'] ?? ''}` })
  }

  before(async () => {
    world = await startWorld(signal)
    here = ['--class', 'public', '--config', world.config, '--kubeconfig', world.lab.kubeconfig]
    writeFileSync(join(world.dir, 'fairway'), `#!/bin/sh\nexec "${process.execPath}" "${MAIN}" "$@"\n`, { mode: 0o755 })
    writeFileSync(join(world.dir, 'kubectl'), IN_POD, { mode: 0o755 })
    const left = [20_401, 20_402].map((port) => frontend({ address: FIRST_ADDRESS, port, group: 'nodes' }))
    const table = tableOf({ nodes: [{ name: 'n0', address: '192.0.2.10' }] }, ...left)
    await pass(world.caddy.driver({ owner: OLD, probe: false }), table, signal)
    await world.createNode('n1', '192.0.2.11')
    await world.createService('web', 20_401)
    await world.operator('rebuilt')
  })
  after(() => world?.stop())

  test('its operator changes nothing, and says what to do', async () => {
    const servers = await world.servers()
    const told = async () => {
      const { problems = [] } = await read(['explain', 'service', 'web', ...here.slice(2)])
      return problems.some(({ code, message }) => code === 'OwnerConflict' && message.includes(OLD.uid))
    }
    await waitFor('the operator to say it', told, { timeoutMs: 30_000 }, signal)
    const { code, out } = await plan()
    assert.equal(code, 1)
    assert.match(out, new RegExp(`run "fairway adopt --class public --proxy edge-1 --from ${OLD.uid}"`))
    assert.equal(await world.servers(), servers)
  })

  test('who holds what is told, with the command, and nothing changed', async () => {
    const servers = await world.servers()
    const { code, out, err } = await type(take(`${PAGE} > fairway()`))
    assert.equal(code, 2, err)
    assert.match(out, new RegExp(`edge-1 {2}UID ${OLD.uid} {2}2 +-\n`))
    const [, command = ''] = /^ {2}(fairway adopt .*)$/m.exec(out) ?? []
    assert.equal(command, `fairway adopt --class public --config ${world.config} --from ${OLD.uid}`)
    assert.equal(await world.servers(), servers)
  })

  test('what does not match is refused by name', async () => {
    const servers = await world.servers()
    const cases: readonly (readonly [argv: readonly string[], message: RegExp])[] = [
      [['--from', 'another'], new RegExp(`held by the cluster with UID ${OLD.uid}, not by another`)],
      [['--from', 'no uid'], /"no uid" is no UID of a cluster/],
      [['--proxy', 'edge-7'], /Class public has no proxy edge-7\. Name one of: edge-1/],
      [['--class', 'private'], /The configuration has no class private\. Name one by --class: public/],
    ]
    for (const [argv, message] of cases) {
      const { code, out, err } = await fairway('adopt', ...here, ...argv)
      assert.equal(code, 1)
      assert.match(out + err, message)
    }
    assert.equal(await world.servers(), servers)
  })

  test('adopts it, and its operator goes on from there', async () => {
    const { code, out, err } = await type(take(`${PAGE} > --from`))
    // Of the plan, which may be done by then.
    assert.ok(code === 0 || code === 2, `${code} ${err}`)
    assert.match(out, new RegExp(`Proxy edge-1: 2 frontends of UID ${OLD.uid} adopted; all are served on`))
    // One of them is no Service's any more.
    await world.serves(30_000)
    assert.deepEqual(await world.targets(), ['192.0.2.11'])
    await waitFor('the plan to be empty', async () => (await plan()).code === 0, { timeoutMs: 30_000 }, signal)
  })

  test('has nothing to adopt after that, nor anybody else', async () => {
    const servers = await world.servers()
    for (const argv of [[], ['--from', OLD.uid]]) {
      const ran = await fairway('adopt', ...here, ...argv, '-o', 'json')
      assert.equal(ran.code, 0, ran.err)
      const { kind, commands } = JSON.parse(ran.out) as { readonly kind: string; readonly commands: readonly string[] }
      assert.deepEqual([kind, commands], ['Adoption', []])
    }
    assert.equal(await world.servers(), servers)
  })
})

test('the account of this file is settled', () => settle(import.meta.filename))
