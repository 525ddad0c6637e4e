import { Component } from '@angular/core';
import { Injectable } from "@nestjs/common";
export interface Customer { email: string; phone?: string; address: Address; firstName: string; iban?: string; }
const form = this.fb.group({ email: ['', [Validators.required, Validators.email]], password: ['', Validators.minLength(12)], phone: '' });
@Component({ selector: 'app-login', templateUrl: './login.component.html' })
export class LoginComponent { password = ''; token = inject(TOKEN); get name() { return this.user.name; }
  submit() { this.http.post('/api/login', { email: this.email, password: this.password }).subscribe(r => this.token = r.accessToken); } }
const colors = { primary: '#1976d2', accent: '#ff4081' }; const size = 1234567890; const big = 9007199254740991n;
