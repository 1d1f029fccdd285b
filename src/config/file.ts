import * as z from 'zod'

export const file = z.string().min(1, 'needs the path of a file')
