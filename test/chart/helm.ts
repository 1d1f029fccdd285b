import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { accessSync, constants } from 'node:fs'
import { readFile, writeFile } from 'node:fs/promises'
import { delimiter, join, resolve } from 'node:path'

export const CHART = resolve(import.meta.dirname, '../../charts/fairway')
const GOLDEN = resolve(import.meta.dirname, '../golden/chart')

/** The Helm to test with: $HELM, or `helm` on the PATH. Undefined where there is none. */
export function findHelm(): string | undefined {
  const candidates = (process.env['PATH'] ?? '').split(delimiter).map((folder) => join(folder, 'helm'))
  return [process.env['HELM'] ?? '', ...candidates].find(isExecutable)
}

function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK)
    return file !== ''
  } catch {
    return false
  }
}

export interface HelmResult {
  readonly ok: boolean
  readonly stdout: string
  readonly stderr: string
}

/** Runs Helm; a failure is a result, not an exception. */
export function helm(program: string, args: readonly string[]): Promise<HelmResult> {
  return new Promise((resolveResult) => {
    execFile(program, [...args], { timeout: 30_000, maxBuffer: 16 << 20 }, (error, stdout, stderr) => {
      resolveResult({ ok: error === null, stdout, stderr: stderr === '' && error !== null ? error.message : stderr })
    })
  })
}

/** A Helm without a cluster must be told a Kubernetes version. */
const VERSION = ['--kube-version', '1.36.0'] as const

export function valuesFile(values: string): string {
  return join(CHART, 'ci', `${values}-values.yaml`)
}

/** `helm lint --strict` of the chart. */
export function lint(program: string, values: string): Promise<HelmResult> {
  return helm(program, ['lint', '--strict', CHART, '-f', valuesFile(values), ...VERSION])
}

/** `helm template` of the chart as release `demo` in namespace `fairway`. */
export function template(program: string, values: string, ...args: readonly string[]): Promise<HelmResult> {
  return helm(program, ['template', 'demo', CHART, '-n', 'fairway', '-f', valuesFile(values), ...VERSION, ...args])
}

/** The files end in .golden so that no formatter rewrites what Helm wrote. */
export async function matchGolden(name: string, text: string): Promise<void> {
  const file = join(GOLDEN, `${name}.golden`)
  if (process.env['UPDATE_GOLDEN'] === '1') await writeFile(file, text)
  assert.equal(text, await readFile(file, 'utf8'), `differs from ${file}; UPDATE_GOLDEN=1 accepts it`)
}
