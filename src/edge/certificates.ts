// oxlint-disable-next-line import/no-unassigned-import -- it prepares what @peculiar/x509 looks for when it is loaded
import 'reflect-metadata'
import { webcrypto } from 'node:crypto'
import {
  AuthorityKeyIdentifierExtension,
  BasicConstraintsExtension,
  cryptoProvider,
  ExtendedKeyUsage,
  ExtendedKeyUsageExtension,
  KeyUsageFlags,
  KeyUsagesExtension,
  PemConverter,
  SubjectAlternativeNameExtension,
  SubjectKeyIdentifierExtension,
  X509Certificate,
  X509CertificateGenerator,
} from '@peculiar/x509'
import { canonicalAddress } from '../model/address.ts'

cryptoProvider.set(webcrypto)

/** A certificate and its private key (PKCS #8), both as PEM. */
export interface Certificate {
  readonly cert: string
  readonly key: string
}

const ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' }
/** Nobody renews what works: ten years, and `fairway edge init --force` at any time. */
const VALID_MS = 10 * 365 * 24 * 3_600_000
/** Clocks differ. */
const EARLY_MS = 3_600_000

/** Makes an authority that signs certificates of edges, and nothing else signs for it. */
export async function createAuthority(name: string, now: Date): Promise<Certificate> {
  const keys = await generateKeys()
  const cert = await X509CertificateGenerator.createSelfSigned({
    name: [{ CN: [name] }],
    notBefore: new Date(now.getTime() - EARLY_MS),
    notAfter: new Date(now.getTime() + VALID_MS),
    keys,
    signingAlgorithm: ALGORITHM,
    extensions: [
      new BasicConstraintsExtension(true, 0, true),
      new KeyUsagesExtension(KeyUsageFlags.keyCertSign | KeyUsageFlags.cRLSign, true),
      await SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  })
  return { cert: cert.toString('pem'), key: await exportKey(keys.privateKey) }
}

/** Makes the certificate of a server that is reached by the given names and addresses, of which there is at least one. */
export async function issueServerCertificate(
  authority: Certificate,
  names: readonly string[],
  now: Date,
): Promise<Certificate> {
  const issuer = new X509Certificate(authority.cert)
  const keys = await generateKeys()
  const ends = Math.min(now.getTime() + VALID_MS, issuer.notAfter.getTime())
  const cert = await X509CertificateGenerator.create({
    subject: [{ CN: ['fairway-edge'] }],
    issuer: issuer.subjectName.toJSON(),
    notBefore: new Date(now.getTime() - EARLY_MS),
    notAfter: new Date(ends),
    publicKey: keys.publicKey,
    signingKey: await importKey(authority.key),
    signingAlgorithm: ALGORITHM,
    extensions: [
      new BasicConstraintsExtension(false, undefined, true),
      new KeyUsagesExtension(KeyUsageFlags.digitalSignature, true),
      new ExtendedKeyUsageExtension([ExtendedKeyUsage.serverAuth]),
      new SubjectAlternativeNameExtension(names.map(alternativeName)),
      await AuthorityKeyIdentifierExtension.create(issuer.publicKey),
    ],
  })
  return { cert: cert.toString('pem'), key: await exportKey(keys.privateKey) }
}

function alternativeName(name: string) {
  return { type: canonicalAddress(name) === undefined ? ('dns' as const) : ('ip' as const), value: name }
}

function generateKeys() {
  return webcrypto.subtle.generateKey(ALGORITHM, true, ['sign', 'verify'])
}

async function exportKey(key: webcrypto.CryptoKey): Promise<string> {
  return PemConverter.encode(await webcrypto.subtle.exportKey('pkcs8', key), 'PRIVATE KEY')
}

function importKey(pem: string): Promise<webcrypto.CryptoKey> {
  const [der] = PemConverter.decode(pem)
  if (der === undefined) throw new TypeError('the key of the authority is no PEM')
  return webcrypto.subtle.importKey('pkcs8', der, ALGORITHM, false, ['sign'])
}
