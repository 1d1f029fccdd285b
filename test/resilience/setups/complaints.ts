/** What a person reads in the answers of `fairway doctor` and `fairway explain`: what is wrong, why, and what to do. */
import assert from 'node:assert/strict'
import { execute, MAIN, type Ran } from '../cli-rig.ts'

export interface Complaint {
  /** `services: Service default/web: ClassUnknown` of doctor, `Service default/web: ClassUnknown` of explain */
  readonly head: string
  readonly cause: string
  readonly remedy: string
}

/** What is expected of a complaint: its head without the check, and parts of its cause and of its remedy. */
export type Saying = readonly [head: string, cause: RegExp, remedy: RegExp]

/** The command line as a process of its own, on the sources of this checkout. What Node compiles is kept for the next one. */
export function createCommand(cacheDir: string): (...argv: readonly string[]) => Promise<Ran> {
  return (...argv) => execute(process.execPath, [MAIN, ...argv], { NODE_COMPILE_CACHE: cacheDir })
}

const DOCTOR = /^✗ [a-z ]+: (?<head>.+)\n(?<cause>(?: {2}(?!→).+\n)+) {2}→ (?<remedy>.+)$/gm
const EXPLAIN = /^ {2}(?<head>\S.*: [A-Z][A-Za-z0-9]+)\n {4}(?<cause>.+)\n {4}→ (?<remedy>.+)$/gm

/** All that fails, in an answer of doctor. */
export function failuresIn(out: string): readonly Complaint[] {
  return read(out, DOCTOR)
}

/** All problems, in an answer of explain. */
export function problemsIn(out: string): readonly Complaint[] {
  return read(out, EXPLAIN)
}

function read(out: string, form: RegExp): readonly Complaint[] {
  return [...out.matchAll(form)].map(({ groups }) => ({
    head: groups?.['head'] ?? '',
    cause: (groups?.['cause'] ?? '').trim(),
    remedy: groups?.['remedy'] ?? '',
  }))
}

/** Looks for what is expected, and gives it. */
export function find(complaints: readonly Complaint[], [head, cause, remedy]: Saying, out: string): Complaint {
  const found = complaints.find((one) => one.head === head && cause.test(one.cause))
  assert.ok(found, `nobody says ${head} ${cause} in:\n${out}`)
  assert.match(found.remedy, remedy)
  return found
}
