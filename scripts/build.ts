// Bundles the program into one file, dist/fairway.js: loading client-node from its hundreds of modules takes three times as long and
// half as much memory again. `npm run build`, or `node scripts/build.ts [entry] [folder]` to bundle something else the same way.
import { existsSync, globSync } from 'node:fs'
import { cp, mkdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { basename, dirname, join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build, type Metafile, type Plugin } from 'esbuild'

const ROOT = resolve(dirname(fileURLToPath(import.meta.url)), '..')
const NAME = 'fairway.js'

// CommonJS packages call require() for Node's own modules, and some look for their own folder; an ESM file has neither.
const BANNER = [
  "import { createRequire as bundleRequire } from 'node:module'",
  "import { dirname as bundleDirname } from 'node:path'",
  "import { fileURLToPath as bundlePath } from 'node:url'",
  'const require = bundleRequire(import.meta.url)',
  'const __filename = bundlePath(import.meta.url)',
  'const __dirname = bundleDirname(__filename)',
].join('\n')

/**
 * Gives each file of a dependency a single mapping, to its name; only our own sources keep their lines. Node holds a decoded source map in
 * memory for as long as it runs, and one with every line of client-node doubles the memory and the start time of the whole program.
 */
const ownLinesOnly: Plugin = {
  name: 'own-lines-only',
  setup(setup) {
    setup.onLoad({ filter: /[/\\]node_modules[/\\].*\.[cm]?js$/ }, async ({ path }) => {
      const map = { version: 3, sources: [basename(path)], sourcesContent: [null], mappings: 'AAAA' }
      const url = `data:application/json;base64,${Buffer.from(JSON.stringify(map)).toString('base64')}`
      return { contents: `${await readFile(path, 'utf8')}\n//# sourceMappingURL=${url}`, loader: 'js' }
    })
  },
}

/**
 * Pino looks at its callers when a logger is made, to find transports beside them, of which we have none. With source maps Node would decode all of ours for
 * that, and keep 20 MB for as long as it runs, where nobody has asked for a stack trace.
 */
const noCallers: Plugin = {
  name: 'no-callers',
  setup(setup) {
    setup.onLoad({ filter: /[/\\]pino[/\\]lib[/\\]caller\.js$/ }, () => {
      return { contents: 'module.exports = () => []\n', loader: 'js' }
    })
  },
}

/**
 * Of client-node only what reads a kubeconfig and authenticates. Its entry also has a client and a model for each API of Kubernetes, which nobody here calls and
 * which cost 8 MB of memory for as long as the program runs. A name that its own files miss then fails the build.
 */
const kubeconfigOnly: Plugin = {
  name: 'kubeconfig-only',
  setup(setup) {
    setup.onResolve({ filter: /^@kubernetes\/client-node$/ }, ({ importer, kind, resolveDir }) =>
      setup.resolve('@kubernetes/client-node/dist/config.js', { importer, kind, resolveDir }),
    )
    setup.onLoad({ filter: /[/\\]client-node[/\\]dist[/\\]gen[/\\]index\.js$/ }, () => {
      return { contents: "export * from './configuration.js'\nexport * from './servers.js'\n", loader: 'js' }
    })
  },
}

interface Manifest {
  readonly name: string
  readonly version: string
  readonly license: string
}

async function readManifest(file: string): Promise<Manifest> {
  const manifest: Manifest = JSON.parse(await readFile(file, 'utf8'))
  return manifest
}

/** The folders of the packages that a bundle took code from, sorted. */
function bundledPackages(metafile: Metafile): readonly string[] {
  const inputs = Object.keys(metafile.inputs)
  const folders = inputs.flatMap((path) => /^.*node_modules\/(?:@[^/]+\/)?[^/]+/.exec(path)?.[0] ?? [])
  return [...new Set(folders)].toSorted()
}

/** The licences of everything in the bundle: their authors allow copies on the condition that the licence goes along. */
async function licenceText(metafile: Metafile): Promise<string> {
  const parts = bundledPackages(metafile).map(async (folder) => {
    const manifest = await readManifest(join(ROOT, folder, 'package.json'))
    const files = globSync('{LICENSE,LICENCE,license,NOTICE}*', { cwd: join(ROOT, folder) }).toSorted()
    const texts = await Promise.all(files.map((file) => readFile(join(ROOT, folder, file), 'utf8')))
    return [`## ${manifest.name} ${manifest.version} (${manifest.license})`, ...texts.map((text) => text.trim())].join(
      '\n\n',
    )
  })
  return `${(await Promise.all(parts)).join('\n\n')}\n`
}

/** The files of the status page, which the program looks for beside itself. */
async function copyPage(folder: string): Promise<void> {
  const to = join(folder, 'page')
  await rm(to, { recursive: true, force: true })
  await cp(join(ROOT, 'src/server/page'), to, { recursive: true, filter: (path) => !path.endsWith('.json') })
}

/** Bundles `entry` into `folder`, with a source map, the licences of what went in, and a package.json that makes it an ES module. */
async function bundle(entry: string, folder: string): Promise<string> {
  const outfile = join(folder, NAME)
  await mkdir(folder, { recursive: true })
  const { metafile } = await build({
    absWorkingDir: ROOT,
    entryPoints: [entry],
    outfile,
    bundle: true,
    format: 'esm',
    platform: 'node',
    target: 'node22',
    banner: { js: BANNER },
    // Comments of packages are a third of the file, and a single character in them that Latin-1 lacks has V8 keep two bytes of memory for each of all the others.
    minifyWhitespace: true,
    // For stack traces with lines of the sources, which are in the repository. Node reads it where it is asked to (--enable-source-maps).
    sourcemap: 'linked',
    sourcesContent: false,
    legalComments: 'external',
    metafile: true,
    plugins: [noCallers, kubeconfigOnly, ownLinesOnly],
    logLevel: 'warning',
  })
  const { name, version, license } = await readManifest(join(ROOT, 'package.json'))
  await writeFile(join(folder, 'package.json'), `${JSON.stringify({ name, version, license, type: 'module' })}\n`)
  await writeFile(join(folder, 'LICENSES.txt'), await licenceText(metafile))
  await copyPage(folder)
  return outfile
}

const [entry = join(ROOT, 'src/main.ts'), folder = join(ROOT, 'dist')] = process.argv
  .slice(2)
  .map((path) => resolve(path))
if (existsSync(entry)) {
  const outfile = await bundle(entry, folder)
  const megabytes = (await stat(outfile)).size / 1e6
  process.stdout.write(
    `${join(basename(folder), NAME)}: ${megabytes.toFixed(1)} MB in ${process.uptime().toFixed(1)} s\n`,
  )
} else {
  process.stderr.write(`build: there is no ${entry}\n`)
  process.exitCode = 1
}
