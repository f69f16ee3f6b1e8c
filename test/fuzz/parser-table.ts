import type { FuzzParser } from './parser.ts'
import { configurationParser } from './parsers/configuration.ts'
import { diskParser } from './parsers/disks.ts'
import { descriptionParser, headerParser } from './parsers/header.ts'
import {
  basedParser,
  channelsParsers,
  fixtureParser,
  pageDigestsParser,
  sparseParser,
  stasisParser,
  streamParsers,
} from './parsers/images.ts'
import { countersParser } from './parsers/counters.ts'
import { journalParser } from './parsers/journal.ts'
import { monitorParsers } from './parsers/monitors.ts'
import { recordParsers } from './parsers/records.ts'
import { textParsers } from './parsers/texts.ts'
import { wireParsers } from './parsers/wire.ts'
import { cookieParser, xmlParser } from './parsers/xml.ts'

/** Everything that reads what others wrote. */
export const PARSERS: readonly FuzzParser[] = [
  headerParser,
  descriptionParser,
  cookieParser,
  xmlParser,
  stasisParser,
  basedParser,
  pageDigestsParser,
  ...channelsParsers,
  sparseParser,
  ...streamParsers,
  fixtureParser,
  ...wireParsers,
  ...monitorParsers,
  ...recordParsers,
  diskParser,
  ...textParsers,
  configurationParser,
  journalParser,
  countersParser,
]
