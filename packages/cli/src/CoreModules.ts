/** Every module of core by its name. The build fills this in; sources that run as they are resolve the names instead. */
export const coreModules: Readonly<Record<string, Readonly<Record<string, unknown>>>> = {}
