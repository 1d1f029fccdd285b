/** The proxy programs that an edge works, each as a unit of its own on the edge machine, set up as its administrator does. */
import { mkdirSync, readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import type { Lab } from './lab.ts'
import type { Unit } from './unit.ts'

const DEPLOYED = resolve(import.meta.dirname, '../../deploy/edge')

export interface ProxyProgram {
  /** The value of `engine` in edge.yaml: `{haproxy: {...}}`. */
  readonly engine: Readonly<Record<string, object>>
  readonly unit: Unit
  /** What the edge makes when it is started, and without which the program does not start. */
  readonly needs: readonly string[]
  /** A command for a shell that shows what the edge has the program do. */
  readonly look: string
}

/** Makes a folder in that of the lab. */
export function makeFolder({ dir }: Lab, name: string): string {
  const path = join(dir, name)
  mkdirSync(path)
  return path
}

/** A file of deploy/edge with paths of the lab in place of those that it has. */
export function deployed(name: string, paths: Readonly<Record<string, string>>): string {
  const text = readFileSync(join(DEPLOYED, name), 'utf8')
  const absent = Object.keys(paths).find((path) => !text.includes(path))
  if (absent !== undefined) throw new Error(`deploy/edge/${name} has no ${absent} any more`)
  return Object.entries(paths).reduce((read, [path, own]) => read.replaceAll(path, own), text)
}
