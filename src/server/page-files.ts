import { createHash } from 'node:crypto'
import { readdir, readFile } from 'node:fs/promises'
import { extname, join } from 'node:path'

/** One file of the page, as it is sent. */
export interface PageFile {
  readonly body: Uint8Array<ArrayBuffer>
  readonly type: string
  readonly etag: string
}

const TYPES: Readonly<Record<string, string>> = {
  '.css': 'text/css; charset=utf-8',
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.svg': 'image/svg+xml',
}

/** Beside this file, and beside the bundle. */
const FOLDER = join(import.meta.dirname, 'page')

/** The files of the page by their paths, `/` for the document itself. All are read once: nothing that is asked for becomes the name of a file. */
export async function readPageFiles(): Promise<ReadonlyMap<string, PageFile>> {
  const names = (await readdir(FOLDER)).filter((name) => TYPES[extname(name)] !== undefined)
  const files = await Promise.all(
    names.map(async (name): Promise<readonly [string, PageFile]> => {
      const body = new Uint8Array(await readFile(join(FOLDER, name)))
      const path = name === 'index.html' ? '/' : `/${name}`
      return [path, { body, type: TYPES[extname(name)] ?? '', etag: etagOf(body) }]
    }),
  )
  return new Map(files)
}

/** A strong entity tag (RFC 9110, 8.8.3) of some bytes. */
export function etagOf(body: Uint8Array): string {
  return `"${createHash('sha256').update(body).digest('base64url').slice(0, 22)}"`
}
