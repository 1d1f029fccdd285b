import { z } from 'zod'
import { configSchema } from '../../src/config/schema.ts'
import { drivers } from '../../src/drivers/index.ts'

/** The key `config` of the values, in JSON Schema: what the program's own schema says of fairway.yaml, as far as that language can. */
export function configJsonSchema(): object {
  const { $schema: _, ...schema } = z.toJSONSchema(configSchema, {
    io: 'input',
    target: 'draft-7',
    unrepresentable: 'any',
    override: ({ jsonSchema }) => {
      // Which of several keys a thing has is decided by code there.
      const choices = choicesOf(Object.keys(jsonSchema.properties ?? {}))
      if (choices !== undefined) jsonSchema.oneOf = choices.map((key) => ({ required: [key] }))
      // The largest whole number of JavaScript says nothing to anybody.
      if (jsonSchema.maximum === Number.MAX_SAFE_INTEGER) delete jsonSchema.maximum
      if (jsonSchema.propertyNames !== undefined) delete jsonSchema.propertyNames
    },
  })
  return {
    title: 'fairway.yaml, word for word; the program checks what a schema cannot, and names the key and the line',
    ...schema,
  }
}

/** Keys of which a thing has exactly one: how a proxy is reached, and where a frontend leads to. */
const CHOICES: readonly (readonly string[])[] = [Object.keys(drivers), ['nodes', 'targets', 'service']]

function choicesOf(keys: readonly string[]): readonly string[] | undefined {
  return CHOICES.find((choices) => choices.every((one) => keys.includes(one)))
}
