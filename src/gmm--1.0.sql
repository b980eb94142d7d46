/* src/gmm--1.0.sql */

-- complain if script is sourced in psql, rather than via CREATE EXTENSION
\echo Use "CREATE EXTENSION gmm" to load this file. \quit

-- === the type gmm_model: text, binary, casts, construction (model.c, model_io.c) ===

-- === options (options.c) ===

-- === fitting: gmm_fit, gmm_refit (fit.c) ===

-- === applying a model: predict and its family (score.c) ===

-- === looking into a model: components, summary, criteria (inspect.c) ===
