"""Templates, the library of scenarios, edge cases and options, and the starter packs.

A folder imports only the folders before it:

    text, states  <  models  <  prompts  <  library  <  packs  <  web, api

`text` and `states` need no database (`text` needs no Django at all), so the models can use them. `web` and `api` do not
import each other.
"""
