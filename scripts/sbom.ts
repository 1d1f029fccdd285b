// Writes the bill of materials of the image, in CycloneDX's JSON: the packages with code in the bundle, Node, and Debian's libraries below it.
// After `npm run build`: `node scripts/sbom.ts FILE dist/LICENSES.txt [folder with a dpkg status file for each package]`. The same input gives the same bytes.
import { execFile } from 'node:child_process'
import { readdir, readFile, writeFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { promisify } from 'node:util'

const ROOT = resolve(import.meta.dirname, '..')
const run = promisify(execFile)

interface Component {
  readonly 'bom-ref': string
  readonly type: string
  readonly name: string
  readonly version: string
  readonly purl: string
}

interface Bom {
  readonly metadata: { readonly component: Component }
  readonly components: readonly Component[]
  readonly dependencies: readonly { readonly ref: string; readonly dependsOn: readonly string[] }[]
}

/** What npm knows of all packages that are no development dependencies, without a look at node_modules. */
async function npmSbom(): Promise<Bom> {
  const argv = [
    'sbom',
    '--sbom-format',
    'cyclonedx',
    '--sbom-type',
    'application',
    '--omit',
    'dev',
    '--package-lock-only',
  ]
  const { stdout } = await run('npm', argv, { cwd: ROOT, maxBuffer: 64 << 20 })
  const bom: Bom = JSON.parse(stdout)
  return bom
}

/** `name version` of the packages that the bundle took code from, as scripts/build.ts has written them down. */
async function bundled(licences: string): Promise<ReadonlySet<string>> {
  const text = await readFile(licences, 'utf8')
  return new Set([...text.matchAll(/^## (\S+ \S+) \(/gm)].map(([, one]) => one ?? ''))
}

function nodeComponent(): Component {
  const version = process.versions.node
  const purl = `pkg:generic/node@${version}`
  return { 'bom-ref': purl, type: 'platform', name: 'node', version, purl }
}

async function debianComponents(folder: string): Promise<readonly Component[]> {
  const names = (await readdir(folder)).toSorted()
  return Promise.all(
    names.map(async (name) => {
      const text = await readFile(join(folder, name), 'utf8')
      const field = (key: string) => new RegExp(`^${key}: (.*)$`, 'm').exec(text)?.[1] ?? ''
      const version = field('Version')
      const purl = `pkg:deb/debian/${encodeURIComponent(name)}@${encodeURIComponent(version)}?arch=${field('Architecture')}`
      return { 'bom-ref': purl, type: 'library', name, version, purl }
    }),
  )
}

/** Seconds since 1970: of the sources, so that the same sources give the same bytes (reproducible-builds.org). */
function timestamp(): string {
  return new Date(Number(process.env['SOURCE_DATE_EPOCH'] ?? 0) * 1_000).toISOString()
}

const [file, licences, debian] = process.argv.slice(2)
if (file === undefined || licences === undefined)
  throw new Error('name the file to write, and LICENSES.txt of the bundle')
const [bom, used] = await Promise.all([npmSbom(), bundled(licences)])
const packages = bom.components.filter(({ name, version }) => used.has(`${name} ${version}`))
const below = debian === undefined ? [] : await debianComponents(debian)
const components = [...packages, nodeComponent(), ...below]
const known = new Set([bom.metadata.component, ...components].map((one) => one['bom-ref']))
const whole = {
  $schema: 'http://cyclonedx.org/schema/bom-1.5.schema.json',
  bomFormat: 'CycloneDX',
  specVersion: '1.5',
  version: 1,
  metadata: { timestamp: timestamp(), component: { ...bom.metadata.component, name: 'fairway' } },
  components,
  dependencies: bom.dependencies.flatMap(({ ref, dependsOn }) =>
    known.has(ref) ? { ref, dependsOn: dependsOn.filter((one) => known.has(one)) } : [],
  ),
}
await writeFile(file, `${JSON.stringify(whole, undefined, 1)}\n`)
process.stdout.write(`${file}: ${components.length} components\n`)
