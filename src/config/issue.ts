/** A mistake: where it is in the file, and what is wrong there, without a final stop. */
export interface ConfigIssue {
  readonly path: readonly (string | number)[]
  readonly message: string
}

/** The values that an earlier entry of a list has already, each an issue of its key. */
export function findDuplicates<T extends object>(
  items: readonly T[],
  key: keyof T & string,
  path: ConfigIssue['path'],
): ConfigIssue[] {
  return items.flatMap((item, index) => {
    const first = items.findIndex((other) => other[key] === item[key])
    return first === index
      ? []
      : [{ path: [...path, index, key], message: `"${String(item[key])}" is already the ${key} of entry ${first + 1}` }]
  })
}
