// The one file that the image runs: what it leaves out of its packages because nobody calls it, which is memory of an operator for as long as it runs, and that what
// is left still reads kubeconfigs.
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { promisify } from 'node:util'

const ROOT = resolve(import.meta.dirname, '../..')
const run = promisify(execFile)
/** Above a Node that runs nothing: it is 38 MB, and was 50 with all of zod and client-node. */
const MOST_MEGABYTES = 44
/** Printed when a process ends: the most memory that it had, in kilobytes (getrusage(2)). */
const TELL_MEMORY = "data:text/javascript,process.on('exit',()=>console.error(process.resourceUsage().maxRSS))"

async function build(entry: string, folder: string): Promise<void> {
  await run(process.execPath, [join(ROOT, 'scripts/build.ts'), entry, folder], { cwd: ROOT })
}

/** In megabytes. */
async function peakOf(...argv: readonly string[]): Promise<number> {
  return Number((await run(process.execPath, ['--import', TELL_MEMORY, ...argv])).stderr) / 1_000
}

describe('the bundle', { timeout: 120_000 }, () => {
  let dir = ''
  before(async () => {
    dir = await mkdtemp(join(tmpdir(), 'fairway-bundle-'))
    await build('src/main.ts', dir)
  })
  after(() => rm(dir, { recursive: true }))

  test("has no language of zod's but English, and no model of the Kubernetes API", async () => {
    const file = await readFile(join(dir, 'fairway.js'), 'utf8')
    assert.ok(file.includes('Invalid input: expected'))
    assert.ok(!file.includes('Ongeldige invoer'), "import zod as esbuild can shake it: `import * as z from 'zod'`")
    assert.ok(!file.includes('V1AWSElasticBlockStoreVolumeSource'))
  })

  test('takes little memory above a Node that runs nothing', async () => {
    const bare = await peakOf('--eval', '0')
    const loaded = await peakOf(join(dir, 'fairway.js'), 'version')
    assert.ok(loaded - bare < MOST_MEGABYTES, `${(loaded - bare).toFixed(1)} MB`)
  })

  test('authenticates with what a kubeconfig names: a token, a file, a program', async () => {
    const entry = join(dir, 'credentials.ts')
    const source = join(ROOT, 'src/kube/credentials.ts')
    await writeFile(
      entry,
      `import { loadKubeConfig, readCredentials } from ${JSON.stringify(source)}
       const [file] = process.argv.slice(2)
       for (const context of ['by-token', 'by-file', 'by-program'])
         console.log((await readCredentials(loadKubeConfig({ kubeconfig: file, context }))).headers['authorization'])`,
    )
    await build(entry, join(dir, 'credentials'))
    await writeFile(join(dir, 'token'), 'from-file\n')
    const credential = {
      apiVersion: 'client.authentication.k8s.io/v1',
      kind: 'ExecCredential',
      status: { token: 'from-program' },
    }
    const exec = {
      apiVersion: credential.apiVersion,
      command: 'echo',
      args: [JSON.stringify(credential)],
      interactiveMode: 'Never',
    }
    const users = [
      { name: 'by-token', user: { token: 'from-config' } },
      { name: 'by-file', user: { 'auth-provider': { name: 'tokenFile', config: { tokenFile: join(dir, 'token') } } } },
      { name: 'by-program', user: { exec } },
    ]
    const kubeconfig = {
      clusters: [{ name: 'c', cluster: { server: 'https://127.0.0.1:9' } }],
      users,
      contexts: users.map(({ name }) => ({ name, context: { cluster: 'c', user: name } })),
      'current-context': 'by-token',
    }
    await writeFile(join(dir, 'kubeconfig'), JSON.stringify(kubeconfig))
    const { stdout } = await run(process.execPath, [join(dir, 'credentials/fairway.js'), join(dir, 'kubeconfig')])
    assert.equal(stdout, 'Bearer from-config\nBearer from-file\nBearer from-program\n')
  })
})
