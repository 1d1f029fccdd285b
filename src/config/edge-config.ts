import { readFile } from 'node:fs/promises'
import { dirname, resolve } from 'node:path'
import { canonicalAddress, familyOf } from '../model/address.ts'
import { errorText, FairwayError } from '../model/problems.ts'
import { checkSettings } from './check-frontends.ts'
import { checkEdgeSockets } from './edge-frontends.ts'
import { type EdgeConfig, edgeSchema } from './edge-schema.ts'
import { checkWebhook, withWebhookPaths } from './edge-webhook.ts'
import { type ConfigIssue, findDuplicates } from './issue.ts'
import { parseFile } from './load.ts'

/** Reads and checks edge.yaml. Paths in it are from its folder. Throws ConfigInvalid with every mistake, each with its line and key. */
export async function loadEdgeConfig(path: string): Promise<EdgeConfig> {
  const text = await readFile(path, 'utf8').catch((error: unknown) => {
    const message = `${path} cannot be read: ${errorText(error)}`
    const remedy = 'Give the path of edge.yaml by --config, or make one with "fairway edge init"'
    throw new FairwayError({ code: 'ConfigInvalid', kind: 'terminal', message, remedy }, error)
  })
  return withPaths(parseEdgeConfig(text, path), dirname(resolve(path)))
}

/** Checks the text of edge.yaml; `source` names it in messages. Throws ConfigInvalid. */
export function parseEdgeConfig(text: string, source: string): EdgeConfig {
  return parseFile({ schema: edgeSchema, check: checkEdge }, text, source)
}

function withPaths(config: EdgeConfig, folder: string): EdgeConfig {
  const { certFile, keyFile, clientCaFile } = config.tls
  const from = (path: string) => resolve(folder, path)
  return {
    ...config,
    tls: {
      certFile: from(certFile),
      keyFile: from(keyFile),
      ...(clientCaFile === undefined ? {} : { clientCaFile: from(clientCaFile) }),
    },
    stateDir: from(config.stateDir),
    tokensFile: from(config.tokensFile),
    ...(config.webhook === undefined ? {} : { webhook: withWebhookPaths(config.webhook, from) }),
  }
}

/** Rules between the keys. */
function checkEdge(config: EdgeConfig): readonly ConfigIssue[] {
  return [
    ...findDuplicates(config.frontends, 'name', ['frontends']),
    ...checkPublish(config),
    ...checkManaged(config),
    ...config.frontends.flatMap((frontend, index) => checkSettings(frontend, ['frontends', index, 'settings'])),
    ...checkEdgeSockets(config.frontends, ['frontends']),
    ...checkWebhook(config.webhook),
  ]
}

function checkPublish({ publish }: EdgeConfig): ConfigIssue[] {
  return Object.entries(publish).flatMap(([published, bound]) => {
    const issue = (message: string) => [{ path: ['publish', published], message }]
    const canonical = canonicalAddress(published)
    if (canonical === undefined) return issue(`"${published}" is not an IPv4 or IPv6 address`)
    if (canonical !== published) return issue(`"${published}" is written ${canonical}`)
    return bound === '*' || familyOf(bound) === familyOf(published)
      ? []
      : issue(`${bound} is of another family than ${published}`)
  })
}

function checkManaged({ manageAddresses, addresses }: EdgeConfig): ConfigIssue[] {
  const message = 'needs `addresses`: which ones clusters may have put on the interface'
  return manageAddresses !== undefined && addresses === undefined ? [{ path: ['manageAddresses'], message }] : []
}
