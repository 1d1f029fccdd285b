/** What is built from others' work: which packages, under which licences, pinned how, and known for which weaknesses. UPDATE_GOLDEN=1 writes docs/licences.md. */
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { describe, test } from 'node:test'
import { parseAllDocuments } from 'yaml'
import { findHelm, template } from '../chart/helm.ts'
import { NO_AUDITS } from './skips.ts'

const ROOT = resolve(import.meta.dirname, '../..')
const LIST = join(ROOT, 'docs/licences.md')
const read = (file: string) => readFileSync(join(ROOT, file), 'utf8')

interface Entry {
  readonly version: string
  readonly integrity?: string
  readonly license?: string
  readonly dev?: boolean
  readonly optional?: boolean
  readonly os?: readonly string[]
  readonly cpu?: readonly string[]
  readonly libc?: readonly string[]
  readonly hasInstallScript?: boolean
}

interface Lock {
  readonly lockfileVersion: number
  readonly packages: Readonly<Record<string, Entry>>
}

const { lockfileVersion, packages } = JSON.parse(read('package-lock.json')) as Lock
const entries = Object.entries(packages).filter(([path]) => path !== '')
const nameOf = (path: string) => path.slice(path.lastIndexOf('node_modules/') + 'node_modules/'.length)

/** What may be used by whoever builds Fairway, and what may be a part of what he passes on. */
const PERMISSIVE = ['MIT', 'Apache-2.0', 'ISC', 'BSD-2-Clause', 'BSD-3-Clause', '0BSD', 'Unlicense', 'PSF-2.0']
/** Of tools, none of whose code is passed on. */
const TOOLS = [...PERMISSIVE, 'MIT OR Apache-2.0', 'MPL-2.0']

describe('the lock file', () => {
  test('names one version of all that package.json asks for', () => {
    const { dependencies, devDependencies } = JSON.parse(read('package.json')) as {
      readonly dependencies: Readonly<Record<string, string>>
      readonly devDependencies: Readonly<Record<string, string>>
    }
    assert.equal(lockfileVersion, 3)
    for (const [name, version] of Object.entries(dependencies)) {
      assert.match(version, /^\d+\.\d+\.\d+$/, name)
      assert.equal(packages[`node_modules/${name}`]?.version, version)
    }
    for (const name of Object.keys(devDependencies)) assert.ok(packages[`node_modules/${name}`] !== undefined, name)
  })

  test('has a checksum for each package but those of tools for other systems than Linux with glibc', () => {
    const loose = entries.filter(([, { integrity = '' }]) => !/^sha512-[\w+/]{86}==$/.test(integrity))
    for (const [path, { dev, optional, os = [], cpu = [], libc = [] }] of loose) {
      const isBuiltFor =
        os.includes('linux') && !libc.includes('musl') && cpu.some((one) => one === 'x64' || one === 'arm64')
      assert.ok(dev === true && optional === true && !isBuiltFor, path)
    }
  })

  test('has no package that runs a script of its own when it is installed, but for two', () => {
    const scripted = entries
      .filter(([, { hasInstallScript }]) => hasInstallScript === true)
      .map(([path]) => nameOf(path))
    const { allowScripts } = JSON.parse(read('package.json')) as {
      readonly allowScripts: Readonly<Record<string, true>>
    }
    assert.deepEqual(
      [...new Set(scripted)].filter((name) => allowScripts[name] !== true),
      [],
    )
    assert.deepEqual(Object.keys(allowScripts).toSorted(), ['esbuild', 'node'])
  })
})

describe('licences', () => {
  test('are such as may be passed on with ours, and of tools such as may be used', () => {
    for (const [path, { license = 'none', dev = false }] of entries) {
      assert.ok((dev ? TOOLS : PERMISSIVE).includes(license), `${nameOf(path)} is under ${license}`)
    }
  })

  test('are what the packages themselves say', () => {
    for (const [path, { license, version }] of entries) {
      const file = join(ROOT, path, 'package.json')
      // Not of this system.
      if (!existsSync(file)) continue
      const own = JSON.parse(readFileSync(file, 'utf8')) as { readonly version: string; readonly license?: string }
      assert.deepEqual([own.version, own.license], [version, license], path)
    }
  })

  test('are listed in docs/licences.md', () => {
    const rows = entries
      .filter(([, { dev }]) => dev !== true)
      .map(([path, { version, license }]) => `| ${nameOf(path)} | ${version} | ${license} |`)
    const text = listText([...new Set(rows)].toSorted())
    if (process.env['UPDATE_GOLDEN'] === '1') writeFileSync(LIST, text)
    assert.equal(readFileSync(LIST, 'utf8'), text, 'UPDATE_GOLDEN=1 writes it anew')
  })
})

function listText(rows: readonly string[]): string {
  return `# Licences

Fairway is under the [Apache License 2.0](../LICENSE). These packages may be a part of what is passed on; what the image has code of, with the texts of
its licences, is in its \`LICENSES.txt\` and \`sbom.cdx.json\`. Written by \`UPDATE_GOLDEN=1 node --test test/security/supply.test.ts\`.

| package | version | licence |
| --- | --- | --- |
${rows.join('\n')}
`
}

describe('the image', () => {
  test('is made of one image and nothing, and that one can be named by its digest', () => {
    const dockerfile = read('Dockerfile')
    const bases = [...dockerfile.matchAll(/^FROM (?:--platform=\S+ )?(\S+)/gm)].map(([, base]) => base)
    assert.deepEqual(bases, ['${NODE_IMAGE}', '${NODE_IMAGE}', 'scratch'])
    assert.deepEqual(dockerfile.match(/^(ADD|COPY --from=(?!node|build)).*$/gm), null)
    // Whoever releases gives it; a tag is for trying.
    assert.match(dockerfile, /--build-arg NODE_IMAGE=\S+@sha256:/)
  })

  const helm = findHelm()
  const skip = helm === undefined ? 'helm is missing: put it on the PATH or name it in HELM' : false
  test('is run by its digest where the chart is given one', { skip }, async () => {
    const digest = `sha256:${'0123456789abcdef'.repeat(4)}`
    const { stdout, stderr, ok } = await template(helm ?? '', 'minimal', '--set', `image.digest=${digest}`)
    assert.ok(ok, stderr)
    const images = parseAllDocuments(stdout).flatMap((one) => [
      ...JSON.stringify(one.toJS()).matchAll(/"image":"([^"]+)"/g),
    ])
    assert.ok(images.length >= 3)
    for (const [, image = ''] of images) assert.ok(image.endsWith(`@${digest}`), image)
  })
})

interface Audit {
  readonly message?: string
  readonly statusCode?: number
  readonly metadata?: { readonly vulnerabilities: Readonly<Record<string, number>> }
}

function audit(): Promise<{ readonly report: Audit; readonly said: string }> {
  const argv = ['audit', '--omit=dev', '--audit-level=high', '--json', '--package-lock-only']
  return new Promise((done, reject) => {
    execFile('npm', argv, { cwd: ROOT, timeout: 60_000, maxBuffer: 64 << 20 }, (_error, stdout, stderr) => {
      try {
        done({ report: JSON.parse(stdout) as Audit, said: stderr })
      } catch {
        reject(new Error(`npm audit gave no report: ${stderr || stdout}. Look whether npm reaches its registry`))
      }
    })
  })
}

test('none of what is passed on has a known weakness of a high grade', async (context) => {
  const { report, said } = await audit()
  const { metadata, statusCode } = report
  if (metadata === undefined && (statusCode === 404 || statusCode === 405)) return context.skip(NO_AUDITS)
  assert.ok(
    metadata !== undefined,
    `npm audit has not been answered: ${report.message} ${said}. Try it again with a network`,
  )
  const { high = 0, critical = 0 } = metadata.vulnerabilities
  assert.deepEqual({ high, critical }, { high: 0, critical: 0 }, 'npm audit --omit=dev says which')
})
