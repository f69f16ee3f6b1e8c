import { UsageError } from '../../errors.ts'
import { nearestWord } from './nearest-word.ts'
import { SETTINGS, type Setting } from './settings.ts'
import { isTable, linesOfKeys } from './toml-lines.ts'

/** A value in a configuration file. */
export interface FileValue {
  readonly setting: Setting
  readonly value: unknown
  readonly line: number
}

/**
 * Reads the text of a configuration file; `path` is for messages.
 * @throws UsageError BAD_CONFIGURATION with file and line
 */
export async function parseConfiguration(
  text: string,
  path: string,
): Promise<readonly FileValue[]> {
  // Most hosts have no file.
  const { TomlError, parse } = await import('smol-toml')
  try {
    const tables = parse(text)
    const lines = linesOfKeys(text, parse)
    return valuesIn(tables, '').flatMap(({ setting, value }) => {
      const line = lines.get(setting.key) ?? 1
      const read = setting.kind.read(value)
      if (read instanceof Map)
        return [...(read as ReadonlyMap<string, unknown>)].map((pair) => ({
          ...{ setting, value: new Map([pair]) },
          line: lines.get(`${setting.key}.${pair[0]}`) ?? line,
        }))
      if (read !== undefined) return [{ setting, value: read, line }]
      throw fault(path, line, `${setting.key} must be ${setting.kind.wanted}`)
    })

    function valuesIn(
      table: Readonly<Record<string, unknown>>,
      prefix: string,
    ): readonly { readonly setting: Setting; readonly value: unknown }[] {
      return Object.entries(table).flatMap(([name, value]) => {
        const key = `${prefix}${name}`
        const setting = SETTINGS.find((one) => one.key === key)
        if (setting !== undefined) return [{ setting, value }]
        const isGroup = SETTINGS.some((one) => one.key.startsWith(`${key}.`))
        if (isGroup && isTable(value)) return valuesIn(value, `${key}.`)
        const line = lines.get(key) ?? 1
        throw isGroup
          ? fault(path, line, `${key} must be a table: [${key}]`)
          : fault(path, line, `there is no setting "${key}"`, hintFor(key, prefix))
      })
    }
  } catch (error) {
    if (!(error instanceof TomlError)) throw error
    const [message = ''] = error.message.split('\n')
    throw fault(path, error.line, message.replace(/^Invalid TOML document: /, ''))
  }
}

/** A setting in the same table that was mistyped, or one of that name in another table. */
function hintFor(key: string, prefix: string): string {
  const beside = SETTINGS.flatMap((one) =>
    one.key.startsWith(prefix) ? [`${prefix}${one.key.slice(prefix.length).split('.')[0]}`] : [],
  )
  const name = key.slice(prefix.length)
  const near =
    nearestWord(key, [...new Set(beside)]) ??
    SETTINGS.find((one) => one.key.endsWith(`.${name}`))?.key
  return near === undefined ? '`stasis config` lists the settings' : `Did you mean ${near}?`
}

function fault(path: string, line: number, text: string, hint?: string): UsageError {
  return new UsageError('BAD_CONFIGURATION', `${path}:${line}: ${text}`, {
    operation: 'read the configuration',
    path,
    hint,
  })
}
