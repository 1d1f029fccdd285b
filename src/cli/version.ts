import { existsSync, readFileSync } from 'node:fs'

/** From package.json: beside the bundle in the image, two folders up in a checkout. */
export const VERSION = readVersion(['./package.json', '../../package.json'])

function readVersion(paths: readonly string[]): string {
  for (const path of paths) {
    const file = new URL(path, import.meta.url)
    const manifest: unknown = existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) : undefined
    if (isManifest(manifest) && manifest.name === 'fairway') return manifest.version
  }
  return 'unknown'
}

function isManifest(value: unknown): value is { readonly name: string; readonly version: string } {
  return typeof value === 'object' && value !== null && 'name' in value && 'version' in value
}
