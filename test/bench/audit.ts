/** What an API server answered, by its own clock: its audit log, one line a write to Services. */
import { readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

/** Whole fields are compared and counted only, so the least level will do; it costs the server some microseconds a request. */
const POLICY = {
  apiVersion: 'audit.k8s.io/v1',
  kind: 'Policy',
  omitStages: ['RequestReceived', 'ResponseStarted'],
  rules: [
    {
      level: 'Metadata',
      verbs: ['create', 'update', 'patch'],
      resources: [{ group: '', resources: ['services', 'services/status', 'events'] }],
    },
    { level: 'None' },
  ],
}

/** A write that was answered. */
export interface Write {
  /** `services`, `services/status` or `events`. */
  readonly resource: string
  readonly verb: string
  readonly namespace: string
  readonly userAgent: string
  readonly code: number
  /** Epoch milliseconds, with fractions. */
  readonly receivedAt: number
  readonly answeredAt: number
}

export interface Audit {
  /** Of kube-apiserver. */
  readonly flags: readonly string[]
  /** Bytes that have been written so far: tells whether something happens, and where to read from. */
  readonly size: () => number
  /** The writes that were logged behind that many bytes, in the order of their answers. */
  readonly writesSince: (offset: number) => readonly Write[]
}

/** Prepares an audit log in a folder. */
export function createAudit(dir: string): Audit {
  const [policyFile, logFile] = [join(dir, 'audit-policy.json'), join(dir, 'audit.log')]
  writeFileSync(policyFile, JSON.stringify(POLICY))
  writeFileSync(logFile, '')
  return {
    flags: [`--audit-policy-file=${policyFile}`, `--audit-log-path=${logFile}`, '--audit-log-maxsize=4000'],
    size: () => statSync(logFile).size,
    writesSince: (offset) => {
      const lines = readFileSync(logFile).subarray(offset).toString().split('\n')
      return lines.flatMap((line) => (line === '' ? [] : readWrite(line)))
    },
  }
}

interface Line {
  readonly verb: string
  readonly userAgent?: string
  readonly objectRef?: { readonly resource: string; readonly namespace?: string; readonly subresource?: string }
  readonly responseStatus?: { readonly code: number }
  readonly requestReceivedTimestamp: string
  readonly stageTimestamp: string
}

function readWrite(line: string): Write {
  const { verb, userAgent = '', objectRef, responseStatus, ...times } = JSON.parse(line) as Line
  const { resource = '', subresource, namespace = '' } = objectRef ?? {}
  return {
    resource: subresource === undefined ? resource : `${resource}/${subresource}`,
    verb,
    namespace,
    userAgent,
    code: responseStatus?.code ?? 0,
    receivedAt: epochMs(times.requestReceivedTimestamp),
    answeredAt: epochMs(times.stageTimestamp),
  }
}

/** Of `2026-11-21T21:44:36.123456Z`, of which Date would drop the last three digits. */
function epochMs(text: string): number {
  const [, seconds = '', fraction = '0'] = /^(.*?)(?:\.(\d+))?Z$/.exec(text) ?? []
  return Date.parse(`${seconds}Z`) + 1_000 * Number(`0.${fraction}`)
}
