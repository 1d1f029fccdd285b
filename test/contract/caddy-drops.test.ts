/** In a network namespace of its own: net.ipv4.tcp_migrate_req, which Caddy needs to keep new connections, is a setting of one. */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { test } from 'node:test'
import { buildCaddy } from '../lab/build.ts'
import { toStderr } from '../lab/progress.ts'
import { dropsTest } from './edge-drops.ts'

const INSIDE = 'FAIRWAY_MIGRATES'

if (process.env[INSIDE] === undefined) {
  const skip = process.getuid?.() === 0 ? false : 'needs root, for a network namespace with a setting of its own'
  test('with net.ipv4.tcp_migrate_req=1', { skip, timeout: 35 * 60_000 }, async () => {
    // There is no way out to sources from inside.
    await buildCaddy(toStderr, AbortSignal.timeout(1_800_000))
    const script = 'ip link set lo up && echo 1 > /proc/sys/net/ipv4/tcp_migrate_req && exec "$0" "$@"'
    const argv = ['--net', 'sh', '-c', script, process.execPath, import.meta.filename]
    const child = spawn('unshare', argv, { stdio: 'inherit', env: { ...process.env, [INSIDE]: '1' } })
    const [code] = await once(child, 'exit')
    assert.equal(code, 0)
  })
} else {
  dropsTest('caddy', { newOneIn: 2_000 })
}
