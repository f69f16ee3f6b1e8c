import { UsageError } from '../../errors.ts'
import { kindOf } from '../../io/files/given-path.ts'

/** A host that had a domain of a shared state directory and is off for certain. `domainStateReason` and the error `DOMAIN_ELSEWHERE` name it. */
export interface HostThatIsOff {
  /** Its name or its id. */
  readonly host: string
  /** The generation in which it took the domain. If it has come back and has taken the domain again, the number is another one. */
  readonly generation: number
}

/** Checks the option of a caller. @throws UsageError BAD_ARGUMENT */
export function checkHostThatIsOff(value: unknown): asserts value is HostThatIsOff {
  const { host, generation } =
    typeof value === 'object' && value !== null ? (value as Partial<HostThatIsOff>) : {}
  if (typeof host === 'string' && host !== '' && isGeneration(generation)) return
  throw new UsageError(
    'BAD_ARGUMENT',
    `takeOver must be { host, generation }, not ${kindOf(value)}`,
    { hint: WHERE_SHOWN },
  )
}

/** Reads `HOST:GENERATION`. @throws UsageError BAD_ARGUMENT */
export function parseHostThatIsOff(text: string): HostThatIsOff {
  const [, host = '', digits = ''] = /^(.+):([0-9]{1,15})$/.exec(text) ?? []
  const generation = Number(digits)
  if (host !== '' && isGeneration(generation)) return { host, generation }
  throw new UsageError(
    'BAD_ARGUMENT',
    `--take-over needs HOST:GENERATION, such as alpha:12, got '${text}'`,
    { hint: WHERE_SHOWN },
  )
}

const WHERE_SHOWN =
  '`stasis domstate DOMAIN` shows the host that has the domain, and the generation. Make sure after that that the host is off'

function isGeneration(value: unknown): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value > 0
}
