import { X509Certificate } from 'node:crypto'
import { mkdir, readFile } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'
import { loadEdgeConfig } from '../config/edge-config.ts'
import { canonicalAddress } from '../model/address.ts'
import { isHostName } from '../model/hosts.ts'
import { LABEL } from '../model/names.ts'
import { FairwayError } from '../model/problems.ts'
import { createAuthority, issueServerCertificate } from './certificates.ts'
import { isMissing } from './files.ts'
import { describeSecret } from './init-texts.ts'
import { findReserved } from './owners.ts'
import { replaceFile } from './replace-file.ts'
import { hashToken, makeToken, readTokens, writeTokens } from './tokens.ts'

export interface InitOptions {
  readonly cluster: string
  /** Undefined: all classes of the cluster. */
  readonly className: string | undefined
  /** Host names and addresses that the operator reaches this machine by; the first one goes into its configuration. */
  readonly addresses: readonly string[]
  /** Of the proxy, in the operator's configuration. */
  readonly name: string
  readonly dir: string
  /** Makes a new certificate where there is one. */
  readonly force: boolean
}

export interface InitResult {
  /** A Secret for the cluster, with what to put into fairway.yaml as a comment. Holds the token. */
  readonly manifest: string
  /** What was done to which file, for people. */
  readonly done: readonly string[]
}

const EDGE_YAML = `# What fairway edge serves, and for whom. Every key: deploy/edge/edge.yaml in the repository.
listen: 0.0.0.0:7443
tls: {certFile: edge.crt, keyFile: edge.key}

# Addresses that clusters may use. Without this key: those of this machine.
# addresses: [203.0.113.0/28]

# Never given to a cluster.
ports: {deny: [22, 7443]}

engine:
  haproxy: {}
`

/**
 * Prepares a machine for a cluster: an authority, a certificate and a configuration where there are none yet, and a token of its own for the cluster. What is
 * there stays, so that the second cluster of a machine is prepared like the first. Throws ConfigInvalid.
 */
export async function initEdge(options: InitOptions, now: Date): Promise<InitResult> {
  checkOptions(options)
  const { dir, cluster, className = '*', addresses, name } = options
  await mkdir(dir, { recursive: true, mode: 0o750 })
  const done: string[] = []
  const path = join(dir, 'edge.yaml')
  const isNew = (await readText(path)) === undefined
  const config = isNew ? undefined : await loadEdgeConfig(path)
  const { certFile, keyFile } = config?.tls ?? { certFile: join(dir, 'edge.crt'), keyFile: join(dir, 'edge.key') }
  const authority = await prepareCertificate(options, { certFile, keyFile }, done, now)
  if (isNew) {
    await replaceFile(path, EDGE_YAML, 0o640)
    done.push(`${path} is written: look it over`)
  }
  const tokensFile = config?.tokensFile ?? resolve(dir, 'tokens.yaml')
  const token = await addToken(tokensFile, `${cluster}/${className}`, now)
  done.push(`${tokensFile} has a new token for ${cluster}/${className}`)
  const port = config?.listen.port ?? 7443
  return { manifest: describeSecret({ name, address: addresses[0] ?? '', port, token, authority, className }), done }
}

/** Adds a token for an owner, and gives it: it cannot be read from the file afterwards. */
export async function addToken(path: string, owner: string, now: Date): Promise<string> {
  const token = makeToken()
  const entry = { owner, sha256: hashToken(token), created: now.toISOString() }
  await mkdir(dirname(path), { recursive: true, mode: 0o750 })
  await writeTokens(path, [...(await readTokens(path)), entry])
  return token
}

interface Paths {
  readonly certFile: string
  readonly keyFile: string
}

/** Makes what is missing, or with `force` what is there too but for the authority. Resolves with the authority's certificate. */
async function prepareCertificate(
  { dir, addresses, force }: InitOptions,
  { certFile, keyFile }: Paths,
  done: string[],
  now: Date,
): Promise<string> {
  const [caFile, caKeyFile] = [join(dir, 'ca.crt'), join(dir, 'ca.key')]
  const [cert, key] = [await readText(certFile), await readText(keyFile)]
  const [ca, caKey] = [await readText(caFile), await readText(caKeyFile)]
  if (cert !== undefined && key !== undefined && ca !== undefined && !force) {
    const uncovered = addresses.find((one) => !coversName(cert, one))
    if (uncovered !== undefined) throw invalid(`${certFile} is not for ${uncovered}`, 'Say --force to make a new one')
    done.push(`${certFile} stays as it is`)
    return ca
  }
  const known = ca === undefined || caKey === undefined ? undefined : { cert: ca, key: caKey }
  const there = [cert && certFile, key && keyFile, known ? undefined : ((ca && caFile) ?? (caKey && caKeyFile))]
  const inTheWay = there.find((path) => path !== undefined)
  if (inTheWay !== undefined && !force) {
    throw invalid(
      `${inTheWay} is there, and what belongs to it is not`,
      'Put that there too, or say --force to make all anew',
    )
  }
  const authority = known ?? (await createAuthority(`fairway edge ${addresses[0]}`.slice(0, 64), now))
  const issued = await issueServerCertificate(authority, addresses, now)
  if (known === undefined) {
    await replaceFile(caKeyFile, authority.key, 0o600)
    await replaceFile(caFile, authority.cert, 0o644)
    done.push(`${caFile} is a new authority; its key ${caKeyFile} is needed for new certificates only`)
  }
  await replaceFile(keyFile, issued.key, 0o640)
  await replaceFile(certFile, issued.cert, 0o644)
  done.push(`${certFile} is a new certificate for ${addresses.join(', ')}`)
  return authority.cert
}

function coversName(cert: string, name: string): boolean {
  const parsed = new X509Certificate(cert)
  return (canonicalAddress(name) === undefined ? parsed.checkHost(name) : parsed.checkIP(name)) !== undefined
}

function checkOptions({ cluster, className, addresses, name }: InitOptions): void {
  const labels = { cluster, class: className ?? 'any', name }
  for (const [what, text] of Object.entries(labels)) {
    if (!LABEL.test(text)) {
      throw invalid(`--${what} "${text}" is not a DNS label`, 'Use lower case letters, digits and dashes, at most 63')
    }
  }
  const reserved = findReserved(cluster)
  if (reserved !== undefined) throw invalid(reserved.message, reserved.remedy)
  if (addresses.length === 0) throw invalid('--address is missing', 'Say how the operator reaches this machine')
  for (const one of addresses) {
    const isName = isHostName(one) && !one.startsWith('*')
    if (canonicalAddress(one) === one || isName) continue
    throw invalid(`--address "${one}" is neither an address nor a host name in lower case`, 'Correct it')
  }
}

async function readText(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8')
  } catch (error) {
    if (isMissing(error)) return undefined
    throw error
  }
}

function invalid(message: string, remedy: string): FairwayError {
  return new FairwayError({ code: 'ConfigInvalid', kind: 'terminal', message, remedy })
}
