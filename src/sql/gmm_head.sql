/* gmm--1.0.sql: made of the files of src/sql, in the order that the Makefile gives */

-- complain if script is sourced in psql, rather than via CREATE EXTENSION
\echo Use "CREATE EXTENSION gmm" to load this file. \quit

