// The image from the Dockerfile: what it contains, and that it runs and ends as a container does. Needs root, as the lab does.
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync, writeFileSync } from 'node:fs'
import { mkdir, mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { run } from '../lab/process.ts'
import { buildProductImage } from '../lab/product-image.ts'
import { toStderr } from '../lab/progress.ts'
import { prepareMachine } from '../lab/requirements.ts'
import { waitFor } from '../lab/wait.ts'

const signal = AbortSignal.timeout(900_000)
/** Node alone has 120 of them. */
const MOST_MEGABYTES = 160

interface ImageConfig {
  readonly config: {
    readonly User: string
    readonly Entrypoint: readonly string[]
    readonly Cmd: readonly string[]
    readonly Env: readonly string[]
  }
}

describe('the image', { timeout: 900_000 }, () => {
  let dir = ''
  let root = ''
  let image: ImageConfig['config']
  let files: readonly string[] = []

  before(
    async () => {
      await prepareMachine(['image'], toStderr, signal)
      const archive = await buildProductImage(toStderr, signal)
      dir = await mkdtemp(join(tmpdir(), 'fairway-image-'))
      root = join(dir, 'root')
      await mkdir(root)
      await run(['tar', '-xf', archive, '-C', dir], {}, signal)
      const [manifest] = JSON.parse(await readFile(join(dir, 'manifest.json'), 'utf8')) as readonly {
        readonly Config: string
        readonly Layers: readonly string[]
      }[]
      image = (JSON.parse(await readFile(join(dir, manifest?.Config ?? ''), 'utf8')) as ImageConfig).config
      for (const layer of manifest?.Layers ?? []) await run(['tar', '-xf', join(dir, layer), '-C', root], {}, signal)
      files = (await run(['find', '.', '-type', 'f', '-printf', '%P\n'], { cwd: root }, signal)).trim().split('\n')
    },
    { timeout: 900_000 },
  )
  after(() => rm(dir, { recursive: true }))

  test('is not root, and runs the program without a shell in between', () => {
    assert.equal(image.User, '65532:65532')
    assert.equal(image.Entrypoint[0], 'node')
    assert.equal(image.Entrypoint.at(-1), '/app/fairway.js')
    assert.deepEqual(image.Cmd, ['run'])
    assert.ok(image.Env.includes('NODE_ENV=production'))
  })

  test('has Node, its libraries and the program, and nothing else', () => {
    const strange = files.filter(
      (path) =>
        !/^app\/(LICENSE|LICENSES\.txt|fairway\.js(\.map|\.LEGAL\.txt)?|package\.json|sbom\.cdx\.json|page\/[\w.-]+)$/.test(
          path,
        ) &&
        !/^(lib|lib64)\/([\w-]+\/)?(ld-linux-[\w-]+|lib[\w+]+)\.so\.\d+$/.test(path) &&
        !/^(usr\/local\/bin\/node|etc\/(group|passwd|nsswitch\.conf|os-release)|usr\/share\/doc\/.*|var\/lib\/dpkg\/status\.d\/[\w+-]+)$/.test(
          path,
        ),
    )
    assert.deepEqual(strange, [])
  })

  test('is small, and nothing in it may become somebody else', async () => {
    const kilobytes = Number((await run(['du', '-sk', root], {}, signal)).split('\t')[0])
    assert.ok(kilobytes / 1024 < MOST_MEGABYTES, `${Math.round(kilobytes / 1024)} MB`)
    assert.equal(await run(['find', root, '-type', 'f', '-perm', '/6000'], {}, signal), '')
    assert.equal(await run(['find', join(root, 'app'), '-perm', '/022'], {}, signal), '')
  })

  test('its bill of materials has what lies below the bundle', () => {
    const { components } = JSON.parse(readFileSync(join(root, 'app/sbom.cdx.json'), 'utf8')) as {
      readonly components: readonly { readonly name: string; readonly purl: string }[]
    }
    const below = components.filter(({ purl }) => !purl.startsWith('pkg:npm/')).map(({ name }) => name)
    assert.deepEqual(below.toSorted(), ['libc6', 'libgcc-s1', 'libstdc++6', 'node'])
  })

  test('says its version', async () => {
    const { version } = JSON.parse(readFileSync(join(root, 'app/package.json'), 'utf8')) as { readonly version: string }
    assert.equal(await run([...contained(root), ...image.Entrypoint, 'version'], {}, signal), `fairway ${version}\n`)
  })

  test('names of the hosts file are known', async () => {
    writeFileSync(join(root, 'etc/hosts'), '192.0.2.7 edge.example\n')
    const script = "console.log((await require('dns').promises.lookup('edge.example')).address)"
    const argv = [...contained(root), 'node', '--eval', `(async () => { ${script} })()`]
    assert.equal(await run(argv, {}, signal), '192.0.2.7\n')
  })

  test('SIGTERM ends it as the first process of a container, at once and in good order', async () => {
    const cluster = { server: 'https://127.0.0.1:9' }
    const kubeconfig = {
      clusters: [{ name: 'c', cluster }],
      users: [{ name: 'u', user: { token: 't' } }],
      contexts: [{ name: 'x', context: { cluster: 'c', user: 'u' } }],
      'current-context': 'x',
    }
    const pools = [{ name: 'main', addresses: ['203.0.113.10'] }]
    const proxies = [{ name: 'edge-1', caddy: { url: 'http://127.0.0.1:9', insecure: true } }]
    const config = { cluster: 'a', classes: [{ name: 'public', pools, proxies }] }
    writeFileSync(join(root, 'etc/fairway.yaml'), JSON.stringify(config))
    writeFileSync(join(root, 'etc/kubeconfig'), JSON.stringify(kubeconfig))
    const argv = [
      ...image.Entrypoint,
      'run',
      '--config=/etc/fairway.yaml',
      '--kubeconfig=/etc/kubeconfig',
      '--health-port=0',
    ]
    const args = ['--pid', '--fork', ...contained(root), ...argv]
    const child = spawn('unshare', args, { stdio: ['ignore', 'pipe', 'inherit'] })
    try {
      let log = ''
      child.stdout.on('data', (chunk: Buffer) => (log += chunk.toString()))
      const waits = () => log.includes('cannot be read yet')
      await waitFor('the operator to wait for the cluster', async () => waits(), { timeoutMs: 20_000 }, signal)
      const [first] = (await run(['pgrep', '-P', String(child.pid)], {}, signal)).trim().split('\n')
      const started = performance.now()
      const ended = once(child, 'exit')
      process.kill(Number(first), 'SIGTERM')
      assert.deepEqual(await ended, [0, null])
      assert.ok(performance.now() - started < 5_000)
    } finally {
      child.kill('SIGKILL')
    }
  })
})

/** Runs something in the image's own root, as its user. */
function contained(root: string): readonly string[] {
  return ['env', '-i', 'PATH=/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin', 'chroot', '--userspec=65532:65532', root]
}
