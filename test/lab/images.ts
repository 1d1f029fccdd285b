/** Image archives of one static program each, without any registry or build tool. */
import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { packTar } from './tar.ts'

/** The pause image of every pod sandbox. */
export const pauseImage = 'docker.io/lab/pause:1'
/** Kubernetes' own test server: arguments `netexec --http-port=8080` serve /hostname, /clientip and, on UDP 8081, the same. */
export const agnhostImage = 'docker.io/lab/agnhost:1'
/** The product, as buildProductImage names it. */
export const productImage = 'docker.io/lab/fairway:dev'

/** Writes the archives that every node of the cluster needs; gives their paths. */
export async function writeBaseImages(dir: string, binDir: string): Promise<readonly string[]> {
  return Promise.all([
    writeProgramImage(join(dir, 'pause.tar'), pauseImage, join(binDir, 'pause')),
    writeProgramImage(join(dir, 'agnhost.tar'), agnhostImage, join(binDir, 'agnhost')),
  ])
}

/** An image whose entry point is the one program it holds. */
export async function writeProgramImage(archive: string, reference: string, program: string): Promise<string> {
  const name = basename(program)
  const layer = packTar([
    { path: name, kind: 'file', mode: 0o755, content: readFileSync(program) },
    { path: 'tmp', kind: 'directory', mode: 0o1777 },
  ])
  const layerDigest = sha256(layer)
  const config = Buffer.from(
    JSON.stringify({
      architecture: process.arch === 'arm64' ? 'arm64' : 'amd64',
      os: 'linux',
      config: { Entrypoint: [`/${name}`], Env: ['PATH=/'] },
      rootfs: { type: 'layers', diff_ids: [`sha256:${layerDigest}`] },
    }),
  )
  const configFile = `${sha256(config)}.json`
  const layerFile = `${layerDigest}/layer.tar`
  const manifest = Buffer.from(JSON.stringify([{ Config: configFile, RepoTags: [reference], Layers: [layerFile] }]))
  const entries = { [configFile]: config, [layerFile]: layer, 'manifest.json': manifest }
  const files = Object.entries(entries).map(([path, content]) => ({
    path,
    kind: 'file' as const,
    mode: 0o644,
    content,
  }))
  await writeFile(archive, packTar(files))
  return archive
}

function sha256(content: Uint8Array): string {
  return createHash('sha256').update(content).digest('hex')
}
