/** What clients notice while Caddy's configuration changes: with net.ipv4.tcp_migrate_req, and without. FAIRWAY_SOAK: 500 changes instead of 60. */
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { test } from 'node:test'
import { promisify } from 'node:util'
import { buildCaddy } from '../lab/build.ts'
import { toStderr } from '../lab/progress.ts'
import type { DropsReport } from './caddy-drops-main.ts'

const CHANGES = process.env['FAIRWAY_SOAK'] === undefined ? 60 : 500
const MAIN = join(import.meta.dirname, 'caddy-drops-main.ts')
const skip = process.getuid?.() === 0 ? false : 'needs root, for a network namespace with a setting of its own'

/** Runs it all in a network namespace of its own: the setting is per namespace. */
async function measure(migrate: 0 | 1): Promise<DropsReport> {
  await buildCaddy(toStderr, AbortSignal.timeout(1_800_000))
  const script = `ip link set lo up && echo ${migrate} > /proc/sys/net/ipv4/tcp_migrate_req && exec "$0" "$@"`
  const argv = ['--net', 'sh', '-c', script, process.execPath, MAIN, `${CHANGES}`]
  const { stdout } = await promisify(execFile)('unshare', argv, { timeout: 10 * 60_000 })
  return JSON.parse(stdout) as DropsReport
}

function without(report: DropsReport): string {
  const { texts: _, ...counts } = report
  return JSON.stringify(counts)
}

test('with net.ipv4.tcp_migrate_req=1 hardly a connection is lost', { skip, timeout: 15 * 60_000 }, async (context) => {
  const report = await measure(1)
  context.diagnostic(without(report))
  const { ended, asked, failed, wrong, texts } = report
  assert.deepEqual({ ended, wrong }, { ended: 0, wrong: 0 }, texts.join('\n'))
  assert.ok(asked > 8 * CHANGES, without(report))
  assert.ok(failed <= Math.ceil(asked / 2_000), `${failed} of ${asked}\n${texts.join('\n')}`)
})

test('without it no established connection ends', { skip, timeout: 15 * 60_000 }, async (context) => {
  const report = await measure(0)
  context.diagnostic(without(report))
  assert.deepEqual([report.ended, report.wrong], [0, 0], report.texts.join('\n'))
})
