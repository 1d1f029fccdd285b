/**
 * The product's image, built from its own Dockerfile where no image registry can be reached: on a base made of Debian
 * packages and of Node from its npm package. Everything is kept in the cache, under names that say what it is made of.
 */
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { cp } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { cached, cacheRoot, dropOldest, hashOf, inTurn, readTree } from './cache.ts'
import { productImage } from './images.ts'
import { run, tryRun } from './process.ts'
import { type Progress, step } from './progress.ts'
import { debianSuite, nodeMajor, npmVersion } from './versions.ts'

const repository = resolve(import.meta.dirname, '../..')
/** What does not go into the image, or is made from what does. */
const notInImage = /^(\.git|node_modules|dist|test|charts|docs|deploy|\.ci)$|\.md$/
const hostCertificates = '/etc/ssl/certs/ca-certificates.crt'
const imagePrefix = 'fairway-image-'
const buildTimeoutMs = 600_000

/** Gives the path of a docker-archive of `productImage`, built again when the sources have changed. Needs root. */
export async function buildProductImage(progress: Progress, signal: AbortSignal): Promise<string> {
  const sources = readTree(repository, (path) => notInImage.test(path))
  const name = `${imagePrefix}${hashOf([debianSuite, `${nodeMajor}`, npmVersion, ...sources])}.tar`
  const make = async (archive: string) => {
    const base = await baseImage(progress, signal)
    await step(progress, "building the product's image", async () => buildImage(base, archive, signal))
  }
  const archive = await cached(name, make, progress, signal)
  // One for each state of the sources would fill the disk; two let one switch between branches.
  dropOldest(imagePrefix, 2)
  return archive
}

async function buildImage(base: string, archive: string, signal: AbortSignal): Promise<void> {
  const npmCache = join(cacheRoot(), 'npm')
  mkdirSync(npmCache, { recursive: true })
  const volumes = ['--volume', `${npmCache}:/root/.npm`]
  const args = ['--build-arg', `NODE_IMAGE=${base}`]
  const image = `localhost/fairway-lab/product-${process.pid}`
  try {
    await buildah(['bud', '--no-cache', '--pull-never', ...volumes, ...args, '--tag', image, repository], signal)
    await buildah(['push', image, `docker-archive:${archive}:${productImage}`], signal)
  } finally {
    await tryRun(buildahCommand(['rmi', '--force', image]), { env: buildahEnv() }, signal)
  }
}

/** Gives the name of the base image, made if buildah's storage lacks it. */
async function baseImage(progress: Progress, signal: AbortSignal): Promise<string> {
  // npm inside must get packages from where it does outside, and trust what this machine trusts.
  const certificates = existsSync(hostCertificates) ? readFileSync(hostCertificates, 'utf8') : ''
  const registry = (await run(['npm', 'config', 'get', 'registry'], { cwd: repository }, signal)).trim()
  const npmConfig = `registry=${registry}\ncafile=${hostCertificates}\n`
  const image = `localhost/fairway-lab/node:${hashOf([debianSuite, `${nodeMajor}`, npmVersion, npmConfig, certificates])}`
  const exists = async () =>
    (await tryRun(buildahCommand(['inspect', '--type', 'image', image]), { env: buildahEnv() }, signal)).code === 0
  const make = async (temporary: string) => {
    if (await exists()) return
    const root = join(temporary, 'root')
    await step(progress, `making a Debian base with Node ${nodeMajor}`, async () => {
      await debian(root, signal)
      await addNode(root, join(temporary, 'npm'), npmConfig, signal)
      await importRoot(root, join(temporary, 'root.tar'), image, signal)
    })
  }
  await inTurn(image, make, progress, signal)
  return image
}

async function debian(root: string, signal: AbortSignal): Promise<void> {
  const include = '--include=ca-certificates,libstdc++6'
  await run(['debootstrap', '--variant=minbase', include, debianSuite, root], { timeoutMs: buildTimeoutMs }, signal)
  if (existsSync(hostCertificates)) await cp(hostCertificates, join(root, hostCertificates))
  for (const path of ['var/cache/apt', 'var/lib/apt/lists', 'usr/share/doc', 'usr/share/locale']) {
    rmSync(join(root, path), { recursive: true, force: true })
  }
  // As in the images that Node's own project publishes: a user of this name and number.
  await run(['chroot', root, 'useradd', '--uid', '1000', '--create-home', '--shell', '/bin/bash', 'node'], {}, signal)
}

async function addNode(root: string, scratch: string, npmConfig: string, signal: AbortSignal): Promise<void> {
  const arch = process.arch === 'arm64' ? 'arm64' : 'x64'
  const packages = [`node-linux-${arch}@${nodeMajor}`, `npm@${npmVersion}`]
  const quiet = ['--silent', '--no-save', '--ignore-scripts', '--no-audit', '--no-fund']
  mkdirSync(scratch)
  writeFileSync(join(scratch, 'package.json'), '{}')
  await run(
    ['npm', 'install', ...quiet, '--prefix', scratch, ...packages],
    { cwd: scratch, timeoutMs: buildTimeoutMs },
    signal,
  )
  const modules = join(scratch, 'node_modules')
  await cp(join(modules, `node-linux-${arch}/bin/node`), join(root, 'usr/local/bin/node'))
  await cp(join(modules, 'npm'), join(root, 'usr/local/lib/node_modules/npm'), { recursive: true })
  for (const program of ['npm', 'npx']) {
    const target = `../lib/node_modules/npm/bin/${program}-cli.js`
    await run(['ln', '-s', target, join(root, 'usr/local/bin', program)], {}, signal)
  }
  mkdirSync(join(root, 'usr/local/etc'), { recursive: true })
  writeFileSync(join(root, 'usr/local/etc/npmrc'), npmConfig)
}

async function importRoot(root: string, archive: string, image: string, signal: AbortSignal): Promise<void> {
  await run(['tar', '-C', root, '-cf', archive, '.'], { timeoutMs: 120_000 }, signal)
  const container = (await buildah(['from', 'scratch'], signal)).trim()
  await buildah(['add', '--quiet', container, archive, '/'], signal)
  await buildah(
    [
      'config',
      '--cmd',
      'node',
      '--env',
      'PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
      container,
    ],
    signal,
  )
  await buildah(['commit', '--quiet', container, image], signal)
  await buildah(['rm', container], signal)
}

async function buildah(args: readonly string[], signal: AbortSignal): Promise<string> {
  return run(buildahCommand(args), { env: buildahEnv(), timeoutMs: buildTimeoutMs }, signal)
}

/** A storage of its own, so that the user's images and containers are neither used nor touched. */
function buildahCommand(args: readonly string[]): string[] {
  const root = join(cacheRoot(), 'buildah')
  return ['buildah', '--root', root, '--runroot', join(root, 'run'), '--storage-driver', 'vfs', ...args]
}

/** Plain files and chroot work everywhere that root does, within a container too. */
function buildahEnv(): NodeJS.ProcessEnv {
  return { ...process.env, STORAGE_DRIVER: 'vfs', BUILDAH_ISOLATION: 'chroot' }
}
