// What is built for the image: the same bytes each time, and a bill of materials that names what is in it and nothing else.
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { promisify } from 'node:util'

const ROOT = resolve(import.meta.dirname, '../..')
const run = promisify(execFile)
const EPOCH = '1767225600'

interface Bom {
  readonly bomFormat: string
  readonly metadata: { readonly timestamp: string; readonly component: { readonly name: string } }
  readonly components: readonly {
    readonly name: string
    readonly version: string
    readonly purl: string
    readonly hashes?: readonly object[]
    readonly licenses?: readonly object[]
  }[]
  readonly dependencies: readonly { readonly ref: string; readonly dependsOn: readonly string[] }[]
}

const FILES = ['fairway.js', 'fairway.js.map', 'LICENSES.txt', 'package.json', 'sbom.cdx.json'] as const

describe('what the image is built from', { timeout: 300_000 }, () => {
  let dir = ''
  let bom: Bom
  const build = async (folder: string) => {
    const env = { ...process.env, SOURCE_DATE_EPOCH: EPOCH }
    await run(process.execPath, [join(ROOT, 'scripts/build.ts'), 'src/main.ts', folder], { cwd: ROOT, env })
    const file = join(folder, 'sbom.cdx.json')
    const argv = [join(ROOT, 'scripts/sbom.ts'), file, join(folder, 'LICENSES.txt'), join(dir, 'status.d')]
    await run(process.execPath, argv, { cwd: ROOT, env })
  }
  before(async () => {
    dir = await mkdtemp(join(tmpdir(), 'fairway-build-'))
    await run('mkdir', [join(dir, 'status.d')])
    const status = 'Package: libstdc++6\nArchitecture: amd64\nVersion: 12.2.0-14+deb12u1\n'
    await writeFile(join(dir, 'status.d/libstdc++6'), status)
    await build(join(dir, 'one'))
    bom = JSON.parse(await readFile(join(dir, 'one/sbom.cdx.json'), 'utf8')) as Bom
  })
  after(() => rm(dir, { recursive: true }))

  test('a second build gives the same bytes', async () => {
    const read = () => Promise.all(FILES.map((name) => readFile(join(dir, 'one', name))))
    const first = await read()
    // Paths in the source map are from where it is.
    await rm(join(dir, 'one'), { recursive: true })
    await build(join(dir, 'one'))
    for (const [at, bytes] of (await read()).entries()) assert.ok(first[at]?.equals(bytes), FILES[at])
  })

  test('the bill of materials names what the bundle has code of, Node, and what lies below', async () => {
    const licences = await readFile(join(dir, 'one/LICENSES.txt'), 'utf8')
    const bundled = [...licences.matchAll(/^## (\S+) (\S+) \(/gm)].map(([, name, version]) => `${name} ${version}`)
    assert.ok(bundled.length > 10)
    assert.deepEqual(
      bom.components.map(({ name, version }) => `${name} ${version}`).toSorted(),
      [...bundled, `node ${process.versions.node}`, 'libstdc++6 12.2.0-14+deb12u1'].toSorted(),
    )
  })

  test('each component can be looked up, and those of npm be verified', () => {
    for (const { name, purl, hashes, licenses } of bom.components) {
      assert.match(purl, /^pkg:(npm|generic|deb)\//, name)
      if (!purl.startsWith('pkg:npm/')) continue
      assert.ok((hashes?.length ?? 0) > 0, `${name} has a checksum`)
      assert.ok((licenses?.length ?? 0) > 0, `${name} has a licence`)
    }
  })

  test('no development dependency is in it, and nothing depends on what is not', async () => {
    const { devDependencies } = JSON.parse(await readFile(join(ROOT, 'package.json'), 'utf8')) as {
      readonly devDependencies: Readonly<Record<string, string>>
    }
    const npm = bom.components.filter(({ purl }) => purl.startsWith('pkg:npm/')).map(({ name }) => name)
    assert.deepEqual(
      npm.filter((name) => Object.hasOwn(devDependencies, name)),
      [],
    )
    const refs = new Set(bom.dependencies.map(({ ref }) => ref))
    for (const { dependsOn } of bom.dependencies) assert.ok(dependsOn.every((one) => refs.has(one)))
  })

  test('it is a CycloneDX document of the time of the sources', () => {
    assert.equal(bom.bomFormat, 'CycloneDX')
    assert.equal(bom.metadata.component.name, 'fairway')
    assert.equal(bom.metadata.timestamp, new Date(Number(EPOCH) * 1_000).toISOString())
  })
})
