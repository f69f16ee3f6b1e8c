import type { DirectoryOptions } from '../domain/store/directories.ts'

/** The options of an act, less the directories, which the handle knows. */
export type HandleOptions<Options> = Omit<Options, keyof DirectoryOptions>
