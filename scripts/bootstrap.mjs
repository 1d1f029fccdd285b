// Runs a TypeScript program of this repository on the Node of its own devDependency, installing the npm packages first where they are missing
// or older than the lock file. Plain JavaScript, and no packages: it runs on whatever Node started npm.
//
//   node scripts/bootstrap.mjs test/runner/main.ts [arguments]
import { spawn, spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'

const ROOT = resolve(dirname(fileURLToPath(import.meta.url)), '..')
const NODE = join(ROOT, 'node_modules/.bin/node')
const STAMP = join(ROOT, 'node_modules/.fairway-lock')
const lock = createHash('sha256')
  .update(readFileSync(join(ROOT, 'package-lock.json')))
  .digest('hex')

function installed() {
  return existsSync(NODE) && existsSync(STAMP) && readFileSync(STAMP, 'utf8') === lock
}

function install() {
  const started = Date.now()
  process.stderr.write('installing npm packages …\n')
  // Warnings about the Node that runs npm are of no concern: ours is one of the packages.
  const { status } = spawnSync('npm', ['ci', '--no-audit', '--no-fund', '--loglevel=error'], {
    cwd: ROOT,
    stdio: ['ignore', 2, 2],
  })
  if (status !== 0) {
    process.stderr.write('npm packages could not be installed: see the lines above\n')
    process.exit(1)
  }
  writeFileSync(STAMP, lock)
  process.stderr.write(`installing npm packages: ${((Date.now() - started) / 1000).toFixed(1)} s\n`)
}

if (!installed()) install()
const path = `${join(ROOT, 'node_modules/.bin')}:${process.env.PATH ?? ''}`
// Tests start thousands of processes on the same sources: what Node has compiled of them once is kept. A fresh install drops it.
const cache = join(ROOT, 'node_modules/.cache/compiled')
const env = { NODE_COMPILE_CACHE: cache, ...process.env, PATH: path }
const child = spawn(NODE, process.argv.slice(2), { cwd: ROOT, stdio: 'inherit', env })
// A terminal sends its signals to both; those that others send to this process alone are handed on. Both end when the child has cleaned up.
for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(name, () => name !== 'SIGINT' && child.kill(name))
child.on('exit', (code, signal) => {
  process.exitCode = code ?? (signal === null ? 1 : 128)
})
