import { readFile } from 'node:fs/promises'
import { basename } from 'node:path'
import { importConfig, importText, type Source } from '../import/import.ts'
import { errorText } from '../model/problems.ts'
import { withProgress } from './output.ts'
import { readCluster } from './read-cluster.ts'
import { readManifests } from './read-manifests.ts'
import { invalid, withCluster } from './settings.ts'

export interface ImportFlags {
  readonly from: Source
  readonly address: readonly string[]
  readonly class: string
  readonly cluster: string
  readonly filename?: readonly string[]
  readonly kubeconfig?: string
  readonly context?: string
}

/** `fairway import`: prints what reproduces an old proxy's configuration. Throws ConfigInvalid for a file that is none. */
export async function runImport(path: string, flags: ImportFlags, signal: AbortSignal): Promise<void> {
  const text = await readFile(path, 'utf8').catch((error: unknown) => {
    throw invalid(`${path} cannot be read: ${errorText(error)}`, "Name the old proxy's configuration")
  })
  const { state, notes } = await readPicture(flags, signal)
  const { from, address: addresses, class: className, cluster } = flags
  const file = basename(path)
  const imported = importConfig({ from, text, file, addresses, className, cluster }, state)
  // Of the notes only this one is about matching: without Nodes, targets are taken for nodes by their ports alone.
  const told = notes.filter((note) => note.startsWith('node ports'))
  const remarks = [...imported.remarks, ...told.map((note) => ({ at: 'manifests', text: note }))]
  process.stdout.write(importText({ ...imported, remarks }, file))
}

async function readPicture({ filename, kubeconfig, context }: ImportFlags, signal: AbortSignal) {
  if (filename !== undefined) return readManifests(filename)
  const flags = {
    config: '',
    askProxies: false,
    ...(kubeconfig === undefined ? {} : { kubeconfig }),
    ...(context === undefined ? {} : { context }),
  }
  return withCluster(flags, (client) => withProgress('reading the cluster', readCluster(client, signal)))
}
