/** The commands that look, as processes of their own, at the world of these tests. */
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import type { World } from './world.ts'

export const ROOT = resolve(import.meta.dirname, '../..')
export const MAIN = join(ROOT, 'src/main.ts')
export const SERVICES = '/api/v1/namespaces/default/services'

export interface Ran {
  readonly code: number
  readonly out: string
  readonly err: string
}

/** What a report looks like to a program that knows some of it. */
export interface Document {
  readonly apiVersion: string
  readonly kind: string
  readonly changes?: boolean
  readonly healthy?: boolean
  readonly problems?: readonly { readonly about: string; readonly code: string; readonly message: string }[]
  readonly findings?: readonly Finding[]
  readonly nodes?: readonly { readonly node: string; readonly takesTraffic: boolean; readonly why: string }[]
  readonly proxies?: readonly { readonly name: string; readonly serving?: string }[]
  readonly since?: string
}

export interface Finding {
  readonly check: string
  readonly state: string
  readonly about: string
  readonly code?: string
  readonly message: string
  readonly remedy?: string
}

export function execute(program: string, argv: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<Ran> {
  return new Promise((done) => {
    const options = { env: { ...process.env, ...env }, timeout: 60_000 }
    execFile(program, argv, options, (error, out, err) => {
      done({ code: error === null ? 0 : Number(error.code ?? 99), out, err })
    })
  })
}

export function fairway(...argv: readonly string[]): Promise<Ran> {
  return execute(process.execPath, [MAIN, ...argv])
}

/** The document of a command that ends with a code. */
export async function read(argv: readonly string[], code = 0): Promise<Document> {
  const ran = await fairway(...argv, '-o', 'json')
  assert.equal(ran.code, code, ran.err + ran.out)
  return JSON.parse(ran.out) as Document
}

export function fileIn(world: World, name: string, content: object): string {
  const file = join(world.dir, name)
  writeFileSync(file, JSON.stringify(content))
  return file
}

/** The world's configuration with another proxy. */
export function configWith(world: World, name: string, proxy: object): string {
  const config = JSON.parse(readFileSync(world.config, 'utf8')) as { readonly classes: readonly [object] }
  const classes = [{ ...config.classes[0], proxies: [{ name: 'edge-1', ...proxy }] }]
  return fileIn(world, name, { ...config, classes })
}
