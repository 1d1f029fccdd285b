import { readdir, readFile, stat } from 'node:fs/promises'
import { extname, join } from 'node:path'
import { text } from 'node:stream/consumers'
import { parseAllDocuments } from 'yaml'
import type { ClusterState } from '../desired/spec.ts'
import { errorText, FairwayError } from '../model/problems.ts'
import { compareText, serviceName } from '../model/table.ts'
import { groupSlices } from '../operator/cluster.ts'
import { readObjects } from './complete-manifest.ts'

export interface Picture {
  readonly state: ClusterState
  /** Of the namespace kube-system. */
  readonly uid: string
  readonly notes: readonly string[]
}

const EXTENSIONS = new Set(['.yaml', '.yml', '.json'])

/** Reads files, folders with all below them, or standard input (`-`) as kubectl's -f does. Throws ConfigInvalid for what cannot be read. */
export async function readManifests(paths: readonly string[]): Promise<Picture> {
  const files = (await Promise.all(paths.map(findFiles))).flat()
  const manifests = await Promise.all(files.map(readDocuments))
  const { services, nodes, slices, uid, invented } = readObjects(manifests.flat())
  const byService = groupSlices(slices)
  return {
    state: { services, nodes, slicesOf: (service) => byService.get(serviceName(service)) ?? [] },
    uid: uid ?? 'offline',
    notes: [
      ...(nodes.length === 0 ? ['the manifests have no Nodes, so no frontend has a target'] : []),
      ...(invented ? ['node ports that the manifests leave open are made up'] : []),
    ],
  }
}

async function findFiles(path: string): Promise<readonly string[]> {
  if (path === '-') return [path]
  const found = await stat(path).catch((error: unknown) => {
    throw unreadable(path, error)
  })
  if (!found.isDirectory()) return [path]
  const entries = await readdir(path, { recursive: true, withFileTypes: true })
  return entries
    .filter((entry) => entry.isFile() && EXTENSIONS.has(extname(entry.name)))
    .map((entry) => join(entry.parentPath, entry.name))
    .toSorted(compareText)
}

async function readDocuments(path: string): Promise<readonly unknown[]> {
  const content = await (path === '-' ? text(process.stdin) : readFile(path, 'utf8')).catch((error: unknown) => {
    throw unreadable(path, error)
  })
  try {
    return parseAllDocuments(content).map((document) => {
      const [error] = document.errors
      if (error !== undefined) throw error
      return document.toJS() as unknown
    })
  } catch (error) {
    throw unreadable(path, error)
  }
}

function unreadable(path: string, error: unknown): FairwayError {
  const message = `${path} cannot be read: ${errorText(error).split('\n')[0]}`
  const remedy = 'Name YAML or JSON files of Kubernetes objects by -f'
  return new FairwayError({ code: 'ConfigInvalid', kind: 'terminal', message, remedy }, error)
}
