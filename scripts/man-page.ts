// Writes docs/stasis.1 from the definitions of the command line.
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { manText } from './man-text.ts'

writeFileSync(join(import.meta.dirname, '../docs/stasis.1'), await manText())
