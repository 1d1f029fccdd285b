import { execFile } from 'node:child_process'
import { accessSync, constants } from 'node:fs'
import { delimiter, join, resolve } from 'node:path'

export const CHART = resolve(import.meta.dirname, '../../charts/fairway')

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

/** `helm template` of the chart as release `demo` in namespace `fairway`. A Helm without a cluster must be told a Kubernetes version. */
export function template(program: string, values: string, ...args: readonly string[]): Promise<HelmResult> {
  const file = join(CHART, 'ci', `${values}-values.yaml`)
  return helm(program, ['template', 'demo', CHART, '-n', 'fairway', '-f', file, '--kube-version', '1.36.0', ...args])
}
