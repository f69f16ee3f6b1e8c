import type { SchemaInfo } from '../qmp/replies.ts'

/**
 * Queries on QEMU's own description of its language (`query-qmp-schema`, QEMU docs/devel/qapi-code-gen "Client JSON Protocol introspection"). Type
 * names in it are masked numbers; only commands, members and enum values have names.
 */
export class QmpSchema {
  readonly #byName: ReadonlyMap<string, SchemaInfo>

  constructor(entries: readonly SchemaInfo[]) {
    this.#byName = new Map(entries.map((entry) => [entry.name, entry]))
  }

  /** Names of a command's arguments; empty when there is no such command. */
  argumentsOf(command: string): ReadonlySet<string> {
    const members = this.#argumentType(command)?.members ?? []
    return new Set(members.flatMap(({ name }) => name ?? []))
  }

  /**
   * The values of the enum at the end of a path of member names that begins at a command's arguments; arrays are passed through. Returns an empty
   * list when the path does not exist or ends at something else.
   */
  enumValues(command: string, path: readonly string[]): readonly string[] {
    let type = this.#argumentType(command)
    for (const step of path) {
      const member = type?.members?.find(({ name }) => name === step)
      type = member === undefined ? undefined : this.#type(member.type)
    }
    if (type?.['meta-type'] !== 'enum') return []
    return type.values ?? []
  }

  #argumentType(command: string): SchemaInfo | undefined {
    const type = this.#byName.get(command)?.['arg-type']
    return type === undefined ? undefined : this.#type(type)
  }

  #type(name: string): SchemaInfo | undefined {
    const type = this.#byName.get(name)
    const element = type?.['meta-type'] === 'array' ? type['element-type'] : undefined
    return element === undefined ? type : this.#type(element)
  }
}
