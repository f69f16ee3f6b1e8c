import { leaveToMain } from './leave-to-main.ts'

/**
 * In place of `src/domain/catalogue/save-intent.ts` for the verbs that only look: whether the image of a killed save is complete takes the readers of all formats,
 * half of such a bundle.
 */
export const isSaved: () => Promise<boolean> = leaveToMain
